// Requests that are no function calls: the endpoints of the deployment, with the admin key.

/** An answer that is not what was asked for. */
export class ApiError extends Error {
  constructor(
    message: string,
    readonly status: number,
    readonly code: string | undefined,
  ) {
    super(message);
  }

  /** Whether the key is not, or no longer, that of this deployment. */
  get isKeyRefused(): boolean {
    return this.status === 401 || this.status === 403;
  }
}

async function failure(response: Response): Promise<ApiError> {
  const text = await response.text();
  try {
    const { code, message } = JSON.parse(text) as { code?: string; message?: string };
    return new ApiError(message ?? text, response.status, code);
  } catch {
    return new ApiError(text || `The server answered ${response.status}.`, response.status, undefined);
  }
}

/** The HTTP side of a deployment. */
export class Api {
  constructor(
    /** Where the deployment is. */
    readonly url: string,
    /** The admin key. */
    readonly key: string,
  ) {}

  /** Headers of every request; the name decides in which form log lines come. */
  headers(identity?: string): Record<string, string> {
    const key = identity === undefined ? this.key : `${this.key}:${identity}`;
    return { Authorization: `Convex ${key}`, "Convex-Client": "dashboard-0.0.0" };
  }

  /** Asks and gives the answer as it is. */
  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const response = await fetch(this.url + path, { ...init, headers: { ...this.headers(), ...(init.headers as Record<string, string>) } });
    if (!response.ok) throw await failure(response);
    return response;
  }

  /** Asks for JSON. */
  async get<T>(path: string, parameters: Record<string, string> = {}, signal?: AbortSignal): Promise<T> {
    const query = new URLSearchParams(parameters).toString();
    const response = await this.fetch(query ? `${path}?${query}` : path, signal ? { signal } : {});
    return (await response.json()) as T;
  }

  /** Sends JSON; the answer may be empty. */
  async post<T = null>(path: string, body?: unknown): Promise<T> {
    const init = body === undefined ? {} : { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } };
    const text = await (await this.fetch(path, { method: "POST", ...init })).text();
    return (text ? JSON.parse(text) : null) as T;
  }

  /** Sends bytes and tells how far it is: `fetch` cannot. */
  upload<T>(url: string, body: Blob, onProgress: (share: number) => void, signal?: AbortSignal): Promise<T> {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.open("POST", url);
      if (url.startsWith(this.url)) for (const [name, value] of Object.entries(this.headers())) request.setRequestHeader(name, value);
      if (body.type) request.setRequestHeader("Content-Type", body.type);
      request.upload.onprogress = (event) => onProgress(event.total > 0 ? event.loaded / event.total : 1);
      request.onload = () => {
        if (request.status < 300) resolve((request.responseText ? JSON.parse(request.responseText) : null) as T);
        else void failure(new Response(request.responseText, { status: request.status })).then(reject);
      };
      request.onerror = () => reject(new ApiError("The server could not be reached.", 0, undefined));
      request.onabort = () => reject(new ApiError("The upload was stopped.", 0, undefined));
      signal?.addEventListener("abort", () => request.abort());
      request.send(body);
    });
  }
}

import type { Session, SignInMethod } from "./session.ts";

/** What is used here of Clerk's script, which it serves itself. */
type Clerk = {
  readonly load: () => Promise<void>;
  readonly user: {
    readonly fullName: string | null;
    readonly primaryEmailAddress: { readonly emailAddress: string } | null;
    readonly organizationMemberships: readonly { readonly organization: { readonly id: string; readonly name: string } }[];
  } | null | undefined;
  readonly session: { readonly getToken: (options: { readonly template: string; readonly skipCache: boolean }) => Promise<string | null> } | null | undefined;
  readonly organization: { readonly id: string } | null | undefined;
  readonly setActive: (options: { readonly organization: string }) => Promise<void>;
  readonly redirectToSignIn: (options: { readonly signInForceRedirectUrl: string }) => Promise<unknown>;
  readonly signOut: () => Promise<void>;
};

const VERSION = 6;
/** The JWT template whose tokens name the organisation in `orgId`. */
const TEMPLATE = "convex";

/** Signs in with Clerk, on Clerk's own page. */
export function clerk(publishableKey: string): SignInMethod {
  let loaded: Promise<Clerk> | undefined;
  const load = () => {
    loaded ??= loadScript(publishableKey);
    loaded.catch(() => {
      loaded = undefined;
    });
    return loaded;
  };
  const start = async () => sessionOf(await load());
  return {
    label: "Sign in with Clerk",
    takesAnyOrganization: false,
    start,
    signIn: async () => {
      await (await load()).redirectToSignIn({ signInForceRedirectUrl: location.href });
      return null;
    },
    choose: async (organization) => {
      await (await load()).setActive({ organization });
      return start();
    },
    signOut: async () => (await load()).signOut(),
  };
}

function sessionOf({ user, session, organization }: Clerk): Session | null {
  if (!user || !session) return null;
  const organizations = user.organizationMemberships.map(({ organization: { id, name } }) => ({ id, name }));
  const email = user.primaryEmailAddress?.emailAddress;
  return {
    name: user.fullName ?? email ?? "Operator",
    email,
    organizations,
    organization: organizations.find(({ id }) => id === organization?.id),
    token: (skipCache) => session.getToken({ template: TEMPLATE, skipCache }),
  };
}

/** The host in a publishable key: what follows its prefix is the host's name and a `$`, in base64. */
function hostOf(publishableKey: string): string {
  try {
    return atob(publishableKey.split("_")[2] ?? "").replace(/\$$/, "");
  } catch {
    return "";
  }
}

async function loadScript(publishableKey: string): Promise<Clerk> {
  const host = hostOf(publishableKey);
  if (host === "") throw new Error("CLERK_PUBLISHABLE_KEY is no publishable key.");
  await new Promise<void>((resolve, reject) => {
    const script = document.createElement("script");
    script.src = `https://${host}/npm/@clerk/clerk-js@${VERSION}/dist/clerk.browser.js`;
    script.async = true;
    script.crossOrigin = "anonymous";
    script.dataset["clerkPublishableKey"] = publishableKey;
    script.onload = () => resolve();
    script.onerror = () => {
      script.remove();
      reject(new Error(`${host} does not answer. If the key was set after the server was started, restart the server.`));
    };
    document.head.append(script);
  });
  const { Clerk } = window as { readonly Clerk?: Clerk };
  if (!Clerk) throw new Error(`${host} gave another script than expected.`);
  await Clerk.load();
  return Clerk;
}

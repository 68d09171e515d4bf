import { Button, TextField } from "fusion-ui";
import { useFusion } from "fusion-client/preact";
import { useRef, useState } from "preact/hooks";

import { wordsOf } from "../failures.ts";
import { type ContactMetadata, createSession, type SessionId } from "../functions.ts";
import { Screen } from "../screen.tsx";

const NAME_LENGTH_MAX = 100;
const EMAIL_LENGTH_MAX = 254;
const EMAIL = /^[^\s@]+@[^\s@.]+(\.[^\s@.]+)+$/;

function nameError(name: string): string | undefined {
  if (name === "") return "Please tell us your name.";
  return name.length > NAME_LENGTH_MAX ? `A name has at most ${NAME_LENGTH_MAX} characters.` : undefined;
}

function emailError(email: string): string | undefined {
  if (email === "") return "Please tell us your e-mail address.";
  if (!EMAIL.test(email)) return "This is no e-mail address. One looks like name@example.com.";
  return email.length > EMAIL_LENGTH_MAX ? "This e-mail address is too long." : undefined;
}

function metadata(): ContactMetadata {
  const { userAgent, language, languages, cookieEnabled, platform, vendor } = navigator;
  return {
    userAgent,
    language,
    languages: languages.join(","),
    platform,
    vendor,
    cookieEnabled,
    screenResolution: `${screen.width}x${screen.height}`,
    viewportSize: `${innerWidth}x${innerHeight}`,
    timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    timezoneOffset: new Date().getTimezoneOffset(),
    referrer: document.referrer || "direct",
    currentUrl: location.href,
  };
}

/** Asks who the visitor is. */
export function ContactScreen({ organizationId, notice, onSession }: {
  readonly organizationId: string;
  readonly notice: string | undefined;
  readonly onSession: (id: SessionId) => void;
}) {
  const client = useFusion();
  const form = useRef<HTMLFormElement>(null);
  const [name, setName] = useState("");
  const [email, setEmail] = useState("");
  // Nobody is told of mistakes before they say they are done.
  const [isChecked, setIsChecked] = useState(false);
  const [isBusy, setIsBusy] = useState(false);
  const [failure, setFailure] = useState<string>();
  const errors = { name: nameError(name.trim()), email: emailError(email.trim()) };

  const submit = async (event: Event) => {
    event.preventDefault();
    if (isBusy) return;
    setIsChecked(true);
    const wrong = errors.name ? "name" : errors.email ? "email" : undefined;
    if (wrong) {
      form.current?.querySelector<HTMLInputElement>(`[name=${wrong}]`)?.focus();
      return;
    }
    setIsBusy(true);
    setFailure(undefined);
    try {
      onSession(await client.mutation(createSession, { name: name.trim(), email: email.trim(), organizationId, metadata: metadata() }));
    } catch (error) {
      setFailure(wordsOf(error, "This did not work. Please try again."));
      setIsBusy(false);
    }
  };
  return (
    <Screen title="Welcome">
      <form class="widget-form" ref={form} noValidate onSubmit={submit}>
        <p>{notice ?? "Tell us who you are, so that we can get back to you."}</p>
        <TextField
          label="Name"
          name="name"
          autoComplete="name"
          required
          value={name}
          error={isChecked ? errors.name : undefined}
          onInput={(event) => setName(event.currentTarget.value)}
        />
        <TextField
          label="E-mail"
          type="email"
          name="email"
          autoComplete="email"
          inputMode="email"
          required
          value={email}
          error={isChecked ? errors.email : undefined}
          onInput={(event) => setEmail(event.currentTarget.value)}
        />
        {failure && <p class="ui-notice ui-notice-danger" role="alert">{failure}</p>}
        <Button type="submit" variant="primary" busy={isBusy}>Continue</Button>
      </form>
    </Screen>
  );
}

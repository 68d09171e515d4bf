import { Avatar, CopyButton, RelativeTime } from "fusion-ui";
import type { ComponentChildren } from "preact";
import { useMemo } from "preact/hooks";

import type { ContactSession } from "../functions.ts";
import { browserName } from "./browser_name.ts";
import { countryOf, localTime } from "./country.ts";

/** Who a visitor is, as far as they and their browser said. */
export function ContactPanel({ contact, startedAt }: { readonly contact: ContactSession; readonly startedAt: number }) {
  const { name, email, expiresAt, metadata = {} } = contact;
  const { userAgent, timezone, language, currentUrl, referrer, screenResolution } = metadata;
  const country = useMemo(() => timezone && countryOf(timezone), [timezone]);
  const facts: readonly (readonly [string, ComponentChildren])[] = [
    ["Country", country],
    ["Local time", timezone && `${localTime(timezone, Date.now()) ?? "?"} (${timezone})`],
    ["Language", language],
    ["Browser", userAgent && <span title={userAgent}>{browserName(userAgent)}</span>],
    ["Screen", screenResolution],
    ["Page", currentUrl && <Address url={currentUrl} />],
    ["Came from", referrer && <Address url={referrer} />],
    ["Conversation began", <RelativeTime at={startedAt} />],
    ["Session", expiresAt > Date.now() ? "Open" : <>Ended <RelativeTime at={expiresAt} /></>],
  ];
  return (
    <div class="contact-panel">
      <div class="contact-who">
        <Avatar name={name} />
        <div>
          <p class="contact-name">{name}</p>
          <p class="muted small">{email || "No e-mail address"}</p>
        </div>
      </div>
      {email && <CopyButton text={email} label="Copy e-mail address" />}
      <dl class="facts">
        {facts.filter(([, value]) => value).map(([label, value]) => (
          <div key={label}><dt class="muted small">{label}</dt><dd>{value}</dd></div>
        ))}
      </dl>
    </div>
  );
}

/** An address as a link, if it leads to a page: a visitor may send anything. */
function Address({ url }: { readonly url: string }) {
  const isPage = /^https?:\/\//i.test(url);
  return isPage ? <a href={url} target="_blank" rel="noopener noreferrer nofollow">{url}</a> : <>{url}</>;
}

import { claimsOf, isFresh, textClaim } from "./session.ts";
import type { Organization, Session, SignInMethod } from "./session.ts";
import { recall, remember } from "./storage.ts";

const ISSUER = "/_dev/issuer";
const DEMO: Organization = { id: "org_demo", name: "Demo organization" };
/** The organisation one is signed in for, and all that were ever chosen here. */
const CHOSEN = "fusionchat_dev_organization";
const KNOWN = "fusionchat_dev_organizations";

/** Whether the server has an issuer for development, which signs everybody in who asks on this machine. */
export async function hasDevelopmentIssuer(): Promise<boolean> {
  const response = await fetch(`${ISSUER}/.well-known/openid-configuration`);
  return response.ok;
}

/** Signs the demo operator in, for any organisation. */
export const development: SignInMethod = {
  label: "Continue as the demo operator",
  hint: "This is a development server: everybody on this machine may sign in.",
  takesAnyOrganization: true,
  start: async () => {
    const chosen = recall(CHOSEN);
    return chosen === null ? null : open(chosen);
  },
  signIn: () => open(DEMO.id),
  choose: open,
  signOut: async () => remember(CHOSEN, null),
};

function known(): readonly Organization[] {
  const ids = (recall(KNOWN) ?? "").split("\n").filter((id) => id !== "" && id !== DEMO.id);
  return [DEMO, ...ids.map((id) => ({ id, name: id }))];
}

async function open(organizationId: string): Promise<Session> {
  let token = await ask(organizationId);
  if (!known().some(({ id }) => id === organizationId)) {
    remember(KNOWN, [...known().map(({ id }) => id), organizationId].join("\n"));
  }
  remember(CHOSEN, organizationId);
  const claims = claimsOf(token);
  const organizations = known();
  return {
    name: textClaim(claims, "name") ?? "Operator",
    email: textClaim(claims, "email"),
    organizations,
    organization: organizations.find(({ id }) => id === organizationId),
    token: async (forceRefresh) => {
      if (forceRefresh || !isFresh(token)) {
        try {
          token = await ask(organizationId);
        } catch (error) {
          if (error instanceof Refusal) return null;
          throw error;
        }
      }
      return token;
    },
  };
}

/** The issuer does not want to sign anybody in from here. */
class Refusal extends Error {}

/** A token for the demo operator as a member of an organisation. */
async function ask(organizationId: string): Promise<string> {
  const claims = {
    sub: "user_demo",
    orgId: organizationId,
    name: "Demo Operator",
    given_name: "Demo",
    family_name: "Operator",
    email: "operator@example.com",
    email_verified: true,
  };
  const response = await fetch(`${ISSUER}/token`, { method: "POST", body: JSON.stringify(claims) });
  const answer = (await response.json()) as { readonly token?: string; readonly message?: string };
  if (!response.ok || answer.token === undefined) throw new Refusal(answer.message ?? `The issuer answered ${response.status}.`);
  return answer.token;
}

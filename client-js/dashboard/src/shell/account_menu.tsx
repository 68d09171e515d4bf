import { Avatar, Menu, MoonIcon, SettingsIcon, setTheme, SignOutIcon, SunIcon, theme } from "fusion-ui";
import type { MenuItem } from "fusion-ui";
import { useState } from "preact/hooks";

import { BASE, navigate } from "../router.tsx";
import { useSession } from "../session/context.ts";

/** Who is signed in for whom, and what one can do about it. */
export function AccountMenu() {
  const { session, organization, choose, leave } = useSession();
  const [chosen, setChosen] = useState(theme);
  const others = session.organizations.filter(({ id }) => id !== organization.id);
  const isDark = chosen === "dark" || (chosen === "system" && matchMedia("(prefers-color-scheme: dark)").matches);
  const next = isDark ? "light" : "dark";
  const items: MenuItem[] = [
    ...others.map(({ id, name }) => ({ label: `Switch to ${name}`, onSelect: () => choose(id) })),
    { label: "Settings", icon: <SettingsIcon />, onSelect: () => navigate(`${BASE}/settings`) },
    {
      label: isDark ? "Light theme" : "Dark theme",
      icon: isDark ? <SunIcon /> : <MoonIcon />,
      onSelect: () => {
        setTheme(next);
        setChosen(next);
      },
    },
    { label: "Sign out", icon: <SignOutIcon />, onSelect: leave },
  ];
  return (
    <div class="account">
      <Menu items={items} variant="quiet" align="end" buttonClass="account-button">
        <span class="ui-hidden">Account: </span>
        <Avatar name={session.name} size="sm" />
        <span class="account-words"><span>{session.name}</span> <span class="muted small">{organization.name}</span></span>
      </Menu>
    </div>
  );
}

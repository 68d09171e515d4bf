import { useFusion, useQueryResult } from "fusion-client/preact";
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

import { focusScreen, isFramed } from "./frame.ts";
import { type ConversationId, getSettings, type SessionId } from "./functions.ts";
import { ChatScreen } from "./screens/chat.tsx";
import { ContactScreen } from "./screens/contact.tsx";
import { HomeScreen } from "./screens/home.tsx";
import { InboxScreen } from "./screens/inbox.tsx";
import { FailedScreen, LoadingScreen } from "./screens/startup.tsx";
import { CallScreen, PhoneScreen } from "./screens/voice.tsx";
import { checkSession, useStartup } from "./startup.ts";
import type { Memory } from "./storage.ts";
import { useVoice } from "./voice.ts";

/** What is shown to a visitor who is known. */
export type View =
  | { readonly name: "home" }
  | { readonly name: "inbox" }
  | { readonly name: "chat"; readonly conversationId: ConversationId; readonly threadId?: string; readonly from: "home" | "inbox" }
  | { readonly name: "call" }
  | { readonly name: "phone" };

const SESSION_OVER = "Your session has ended. Please tell us once more who you are.";

/** Everything: first what has to be known, then the screens. */
export function App({ organizationId, memory }: { readonly organizationId: string; readonly memory: Memory }) {
  const client = useFusion();
  const { startup, retry } = useStartup(organizationId, memory);
  const [session, setSession] = useState(memory.session);
  const [view, setView] = useState<View>(() => (memory.conversation ? { name: "chat", from: "home", ...memory.conversation } : { name: "home" }));
  const [notice, setNotice] = useState<string>();
  const settings = useQueryResult(getSettings, organizationId === "" ? "skip" : { organizationId });
  const voice = useVoice(organizationId, settings.value?.vapiSettings);

  const show = useCallback((next: View) => {
    if (next.name !== "chat") memory.conversation = undefined;
    setView(next);
  }, [memory]);
  // The session a query was refused for may be over, or the conversation may be of an earlier one.
  const onRefused = useCallback(async () => {
    await checkSession(client, memory);
    show({ name: "home" });
    if (memory.session === undefined) setNotice(SESSION_OVER);
    setSession(memory.session);
  }, [client, memory, show]);
  useEffect(() => {
    if (startup.state === "ready") setSession(memory.session);
  }, [startup, memory]);

  const screen = startup.state === "failed" ? "failed" : session === undefined ? (startup.state === "ready" ? "contact" : "loading") : view.name === "chat" ? view.conversationId : view.name;
  useFocusAfterChange(screen);

  if (startup.state === "failed") return <FailedScreen reason={startup.reason} onRetry={startup.canRetry ? retry : undefined} />;
  // A conversation that was open is shown at once; whether all is well turns out meanwhile.
  if (session === undefined || (startup.state === "loading" && view.name !== "chat")) {
    if (startup.state === "loading") return <LoadingScreen />;
    const onSession = (id: SessionId) => {
      memory.session = id;
      setNotice(undefined);
      setSession(id);
    };
    return <ContactScreen organizationId={organizationId} notice={notice} onSession={onSession} />;
  }
  switch (view.name) {
    case "home":
      return <HomeScreen {...{ organizationId, session, voice, onShow: show, onRefused }} />;
    case "inbox":
      return <InboxScreen {...{ session, onShow: show, onRefused }} />;
    case "chat":
      return <ChatScreen key={view.conversationId} {...{ organizationId, session, view, memory, settings: settings.value, onShow: show, onRefused }} />;
    case "call":
      return <CallScreen voice={voice} onShow={show} />;
    case "phone":
      return <PhoneScreen phoneNumber={voice.phoneNumber} onShow={show} />;
  }
}

/** Moves the focus to each screen that comes after the first, so that keyboard and screen reader are where the eye is. */
function useFocusAfterChange(screen: string): void {
  const former = useRef(screen);
  useLayoutEffect(() => {
    const isFirst = former.current === "loading" || former.current === screen;
    // A frame that has the focus was opened by somebody a moment ago.
    if (isFirst ? isFramed && screen !== "loading" && document.hasFocus() : true) focusScreen();
    former.current = screen;
  }, [screen]);
}

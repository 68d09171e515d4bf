import { ChevronRightIcon, MessageIcon, PhoneIcon, Spinner } from "fusion-ui";
import { useFusion } from "fusion-client/preact";
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";

import type { View } from "../app.tsx";
import { isSessionOver, wordsOf } from "../failures.ts";
import { createConversation, type SessionId } from "../functions.ts";
import { MicrophoneIcon } from "../icons.tsx";
import { Navigation, Screen } from "../screen.tsx";
import type { Voice } from "../voice.ts";

/** What a visitor can do: write, or call if the organisation takes calls. */
export function HomeScreen({ organizationId, session, voice, onShow, onRefused }: {
  readonly organizationId: string;
  readonly session: SessionId;
  readonly voice: Voice;
  readonly onShow: (view: View) => void;
  readonly onRefused: () => void;
}) {
  const { begin, isBusy, failure } = useNewConversation(organizationId, session, onShow, onRefused);
  return (
    <Screen title="How can we help?" footer={<Navigation current="home" onShow={onShow} />}>
      <ul class="widget-choices" role="list">
        <Choice icon={<MessageIcon />} title="Start a chat" text="Write to us; answers arrive here." isBusy={isBusy} onPress={begin} />
        {voice.assistantId && (
          <Choice icon={<MicrophoneIcon />} title="Start a voice call" text="Speak with our assistant in this window." onPress={() => onShow({ name: "call" })} />
        )}
        {voice.phoneNumber && <Choice icon={<PhoneIcon />} title="Call us" text={voice.phoneNumber} onPress={() => onShow({ name: "phone" })} />}
      </ul>
      {failure && <p class="ui-notice ui-notice-danger widget-failure" role="alert">{failure}</p>}
    </Screen>
  );
}

/** Begins conversations and shows them. */
export function useNewConversation(
  organizationId: string,
  session: SessionId,
  onShow: (view: View) => void,
  onRefused: () => void,
): { begin: () => void; isBusy: boolean; failure: string | undefined } {
  const client = useFusion();
  const [isBusy, setIsBusy] = useState(false);
  const [failure, setFailure] = useState<string>();
  const begin = async () => {
    if (isBusy) return;
    setIsBusy(true);
    setFailure(undefined);
    try {
      const conversationId = await client.mutation(createConversation, { organizationId, contactSessionId: session });
      onShow({ name: "chat", conversationId, from: "home" });
    } catch (error) {
      setIsBusy(false);
      if (isSessionOver(error)) onRefused();
      else setFailure(wordsOf(error, "No conversation could be started. Please try again."));
    }
  };
  return { begin: () => void begin(), isBusy, failure };
}

function Choice({ icon, title, text, isBusy, onPress }: {
  readonly icon: ComponentChildren;
  readonly title: string;
  readonly text: string;
  readonly isBusy?: boolean;
  readonly onPress: () => void;
}) {
  return (
    <li>
      <button type="button" class="widget-choice" aria-busy={isBusy ? "true" : undefined} onClick={onPress}>
        <span class="widget-choice-icon">{icon}</span>
        <span class="widget-choice-words">
          <strong>{title}</strong>
          <span>{text}</span>
        </span>
        {isBusy ? <Spinner /> : <ChevronRightIcon />}
      </button>
    </li>
  );
}

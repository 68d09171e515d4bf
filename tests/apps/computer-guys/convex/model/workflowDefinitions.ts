// The workflows there are: for each type its steps, in order, as actions that get the input and the results of earlier steps.

import type { FunctionReference } from "convex/server";
import { internal } from "../_generated/api";
import type { Id } from "../_generated/dataModel";

export type Inputs = {
  escalation: { conversationId: Id<"conversations">; reason?: string };
  verification: { userId: Id<"users"> };
};

export type WorkflowType = keyof Inputs;
export type Input<Type extends WorkflowType> = Inputs[Type];

// Each step checks its own arguments; the engine passes them on as they were stored.
type Step = FunctionReference<"action", "internal", { input: unknown; results: Record<string, unknown> }, unknown>;
type Definition = { title: string; steps: Record<string, Step> };

export const definitions: Record<WorkflowType, Definition> = {
  escalation: {
    title: "Hand a conversation to a human",
    steps: {
      summarize: internal.workflowSteps.summarize,
      assign: internal.workflowSteps.assign,
      notify: internal.workflowSteps.notify,
    },
  },
  verification: {
    title: "Send a verification code",
    steps: {
      issue: internal.workflowSteps.issue,
      mail: internal.workflowSteps.mail,
    },
  },
};

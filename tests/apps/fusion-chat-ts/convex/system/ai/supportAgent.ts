import { Agent, stepCountIs } from "@convex-dev/agent";
import { components } from "../../_generated/api";
import { chatModel } from "../../lib/models";
import { SUPPORT } from "./prompts";
import { escalateConversationTool, resolveConversationTool, searchTool } from "./tools";

const STEPS_MAX = 5;
const tools = { escalateConversationTool, resolveConversationTool, searchTool };

/** The assistant that answers visitors. */
export const supportAgent = () =>
  new Agent(components.agent, {
    name: "Support",
    languageModel: chatModel(),
    instructions: SUPPORT,
    tools,
    stopWhen: stepCountIs(STEPS_MAX),
  });

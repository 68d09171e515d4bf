// Whose skills an agent uses, and those that come with the application.

import type { WithoutSystemFields } from "convex/server";
import type { Doc, Id } from "../_generated/dataModel";
import type { DatabaseReader } from "../_generated/server";

/** A user's enabled skills, or, if there are none, those that belong to nobody. */
export async function skillsForConversation(db: DatabaseReader, ownerUserId: Id<"users"> | undefined): Promise<Doc<"skills">[]> {
  const enabledOf = (owner: Id<"users"> | undefined) =>
    db
      .query("skills")
      .withIndex("by_ownerUserId_enabled", (q) => q.eq("ownerUserId", owner).eq("enabled", true))
      .collect();
  const own = ownerUserId ? await enabledOf(ownerUserId) : [];
  return own.length > 0 ? own : await enabledOf(undefined);
}

const skill = (name: string, description: string, systemPrompt: string): WithoutSystemFields<Doc<"skills">> => ({
  name,
  description,
  enabled: true,
  config: { systemPrompt },
});

/** What `skills.seedRecommended` gives an administrator. */
export const RECOMMENDED_SKILLS = [
  skill("summarize", "Sums up long texts", "Sum up what you are given in at most five sentences. Keep names and figures."),
  skill("translate", "Translates between languages", "Translate faithfully, in the tone of the original."),
  skill("proofread", "Corrects spelling and grammar", "Correct mistakes only. List what you changed."),
  skill("plan-day", "Plans a day", "Order the tasks by urgency and effort. Leave time for breaks."),
  skill("meeting-notes", "Turns notes into minutes", "Write decisions first, then actions with their owners and dates."),
  skill("draft-email", "Drafts e-mails", "Write a short, polite e-mail. Ask for what is missing before you guess."),
  skill("research", "Gathers facts on a topic", "Give facts with their sources. Say what is uncertain."),
  skill("explain", "Explains a subject", "Explain in plain words, with one example."),
  skill("todo", "Keeps the task list", "Turn requests into tasks with a due date. Repeat them before you save."),
  skill("travel", "Prepares journeys", "Compare connections by duration and price. Mind time zones."),
  skill("code-review", "Reviews code", "Name defects first, then what could be simpler."),
];

import { v } from "convex/values";

export const conversationStatus = v.union(v.literal("unresolved"), v.literal("escalated"), v.literal("resolved"));

export const service = v.literal("vapi");

/** What a visitor's browser tells. */
export const contactMetadata = v.object({
  userAgent: v.optional(v.string()),
  language: v.optional(v.string()),
  languages: v.optional(v.string()),
  platform: v.optional(v.string()),
  vendor: v.optional(v.string()),
  screenResolution: v.optional(v.string()),
  viewportSize: v.optional(v.string()),
  timezone: v.optional(v.string()),
  timezoneOffset: v.optional(v.number()),
  cookieEnabled: v.optional(v.boolean()),
  referrer: v.optional(v.string()),
  currentUrl: v.optional(v.string()),
});

export const widgetSettings = {
  greetMessage: v.string(),
  defaultSuggestions: v.object({
    suggestion1: v.optional(v.string()),
    suggestion2: v.optional(v.string()),
    suggestion3: v.optional(v.string()),
  }),
  vapiSettings: v.object({ assistantId: v.optional(v.string()), phoneNumber: v.optional(v.string()) }),
};

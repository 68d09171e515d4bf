import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { createClerkClient, verifyToken } from "@clerk/backend";
import { v } from "convex/values";
import OpenAI from "openai";
import { action } from "./_generated/server";

export const secret = action({
  args: { url: v.string(), name: v.string() },
  handler: async (_ctx, { url, name }) => {
    const client = new SecretsManagerClient({
      region: "eu-central-1",
      endpoint: url,
      maxAttempts: 1,
      credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI" },
    });
    try {
      const { SecretString } = await client.send(new GetSecretValueCommand({ SecretId: name }));
      return { secret: SecretString };
    } catch (error: any) {
      return { refused: error.name, message: error.message };
    }
  },
});

export const clerkUser = action({
  args: { url: v.string(), id: v.string() },
  handler: async (_ctx, { url, id }) => {
    const clerk = createClerkClient({ secretKey: "sk_test_example", apiUrl: url });
    const user = await clerk.users.getUser(id);
    return { name: user.fullName, created: user.createdAt };
  },
});

export const clerkToken = action({
  args: { token: v.string(), jwtKey: v.string() },
  handler: async (_ctx, { token, jwtKey }) => {
    try {
      return { subject: (await verifyToken(token, { jwtKey })).sub };
    } catch (error: any) {
      return { refused: error.reason ?? error.message };
    }
  },
});

const openai = (url: string) => new OpenAI({ apiKey: "sk-example", baseURL: `${url}/v1`, maxRetries: 0 });

export const complete = action({
  args: { url: v.string(), prompt: v.string() },
  handler: async (_ctx, { url, prompt }) => {
    const answer = await openai(url).chat.completions.create({ model: "stub", messages: [{ role: "user", content: prompt }] });
    return { text: answer.choices[0].message.content, tokens: answer.usage?.total_tokens };
  },
});

export const completeInParts = action({
  args: { url: v.string(), prompt: v.string() },
  handler: async (_ctx, { url, prompt }) => {
    const parts: string[] = [];
    const stream = await openai(url).chat.completions.create({
      model: "stub",
      stream: true,
      messages: [{ role: "user", content: prompt }],
    });
    for await (const part of stream) parts.push(part.choices[0]?.delta?.content ?? "");
    return parts;
  },
});

export const refusedKey = action({
  args: { url: v.string() },
  handler: async (_ctx, { url }) => {
    try {
      await new OpenAI({ apiKey: "wrong", baseURL: `${url}/v1`, maxRetries: 0 }).models.list();
      return null;
    } catch (error: any) {
      return { name: error.constructor.name, status: error.status, message: error.message };
    }
  },
});

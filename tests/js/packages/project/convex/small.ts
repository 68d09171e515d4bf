import { addBusinessDays, differenceInCalendarDays, format, formatDistance, parseISO } from "date-fns";
import { de } from "date-fns/locale";
import { v } from "convex/values";
import { exportJWK, generateKeyPair, importJWK, jwtVerify, SignJWT } from "jose";
import { customAlphabet, nanoid } from "nanoid";
import { action, mutation, query } from "./_generated/server";

export const dates = query({
  args: { from: v.string(), to: v.string() },
  handler: async (_ctx, args) => {
    const [from, to] = [parseISO(args.from), parseISO(args.to)];
    return {
      days: differenceInCalendarDays(to, from),
      business: addBusinessDays(from, 7).toISOString(),
      text: format(from, "EEEE, do MMMM yyyy HH:mm:ss"),
      german: format(from, "PPPP", { locale: de }),
      distance: formatDistance(from, to, { addSuffix: true }),
    };
  },
});

export const ids = mutation({ args: {}, handler: async () => [nanoid(), nanoid(), customAlphabet("abc", 8)()] });

export const sign = action({
  args: { algorithm: v.string(), subject: v.string() },
  handler: async (_ctx, { algorithm, subject }) => {
    const { publicKey, privateKey } = await generateKeyPair(algorithm, { extractable: true });
    const jwk = await exportJWK(publicKey);
    const token = await new SignJWT({ role: "admin" })
      .setProtectedHeader({ alg: algorithm })
      .setSubject(subject)
      .setIssuedAt()
      .setExpirationTime("1h")
      .sign(privateKey);
    const { payload } = await jwtVerify(token, await importJWK(jwk, algorithm));
    return { token, jwk, subject: payload.sub };
  },
});

export const verify = action({
  args: { token: v.string(), jwk: v.any(), algorithm: v.string() },
  handler: async (_ctx, { token, jwk, algorithm }) => {
    try {
      return { subject: (await jwtVerify(token, await importJWK(jwk, algorithm))).payload.sub };
    } catch (error: any) {
      return { refused: error.code };
    }
  },
});

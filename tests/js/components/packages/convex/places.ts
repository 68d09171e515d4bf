// Points on the Earth, found by where they are. The component computes in WebAssembly.

import { GeospatialIndex } from "@convex-dev/geospatial";
import { v } from "convex/values";
import { components } from "./_generated/api";
import { mutation, query } from "./_generated/server";

const places = new GeospatialIndex<string, { kind: string }>(components.geospatial);

const point = { latitude: v.number(), longitude: v.number() };

export const add = mutation({
  args: { places: v.array(v.object({ key: v.string(), kind: v.string(), price: v.number(), ...point })) },
  handler: async (ctx, args) => {
    for (const { key, kind, price, latitude, longitude } of args.places) {
      await places.insert(ctx, key, { latitude, longitude }, { kind }, price);
    }
  },
});

export const remove = mutation({
  args: { key: v.string() },
  handler: async (ctx, { key }) => await places.remove(ctx, key),
});

export const within = query({
  args: { west: v.number(), south: v.number(), east: v.number(), north: v.number(), kind: v.string() },
  handler: async (ctx, { kind, ...rectangle }) => {
    const { results } = await places.query(ctx, {
      shape: { type: "rectangle", rectangle },
      filter: (q) => q.eq("kind", kind),
      limit: 100,
    });
    return results.map(({ key }) => key);
  },
});

export const nearest = query({
  args: { ...point, count: v.number() },
  handler: async (ctx, { count, ...point }) => {
    const found = await places.nearest(ctx, { point, limit: count });
    return found.map(({ key, distance }) => ({ key, distance }));
  },
});

import { compareValues } from "./compare.ts";
import type { OptimisticLocalStore } from "./optimistic.ts";
import type { PaginationOptions, PaginationResult } from "./paginated_query.ts";
import type { ArgsOf, FunctionName, ItemOf, PageArgsOf } from "./reference.ts";
import { encode, type Value } from "./value.ts";

/** Which list an optimistic update is about. */
export interface ListToUpdate<F> {
  readonly localQueryStore: OptimisticLocalStore;
  readonly paginatedQuery: F;
  /** Only lists with these arguments. */
  readonly argsToMatch?: Partial<PageArgsOf<F>>;
}

/** What to put into a list. */
export interface ItemToInsert<F> extends ListToUpdate<F> {
  readonly item: ItemOf<F>;
}

/** A page of a list that is loaded. */
interface LoadedPage<F> {
  readonly args: ArgsOf<F>;
  readonly options: PaginationOptions;
  readonly value: PaginationResult<ItemOf<F>>;
  /** Shows other items. */
  show(page: ItemOf<F>[]): void;
}

/** The pages of each list that are loaded; lists tell their pages by a number. */
function lists<F extends FunctionName<"query">>({ localQueryStore, paginatedQuery, argsToMatch = {} }: ListToUpdate<F>): LoadedPage<F>[][] {
  const found = new Map<string, LoadedPage<F>[]>();
  const text = (value: unknown) => (value === undefined ? undefined : JSON.stringify(encode(value as Value)));
  for (const { args, value } of localQueryStore.getAllQueries(paginatedQuery)) {
    const { paginationOpts: options, ...own } = args as { paginationOpts: PaginationOptions } & Record<string, unknown>;
    if (value === undefined || !Object.entries(argsToMatch).every(([name, wanted]) => text(wanted) === text(own[name]))) continue;
    const key = JSON.stringify([options.id, text(own)]);
    const page: LoadedPage<F> = {
      args,
      options,
      value,
      show: (items) => localQueryStore.setQuery(paginatedQuery, args, { ...(value as object), page: items } as never),
    };
    found.set(key, [...(found.get(key) ?? []), page]);
  }
  return [...found.values()];
}

/** Changes every item that is loaded. */
export function updateInPages<F extends FunctionName<"query">>(list: ListToUpdate<F>, change: (item: ItemOf<F>) => ItemOf<F>): void {
  for (const page of lists(list).flat()) page.show(page.value.page.map(change));
}

/** Puts an item before all others, whatever their order is. */
export function insertAtTop<F extends FunctionName<"query">>(insertion: ItemToInsert<F>): void {
  for (const page of lists(insertion).flat()) {
    if (page.options.cursor === null) page.show([insertion.item, ...page.value.page]);
  }
}

/** Puts an item after all others, if the list is loaded to its end. */
export function insertAtBottomIfLoaded<F extends FunctionName<"query">>(insertion: ItemToInsert<F>): void {
  for (const page of lists(insertion).flat()) {
    if (page.value.isDone) page.show([...page.value.page, insertion.item]);
  }
}

/**
 * Puts an item where it belongs. The list must be in the order that `sortKeyFromItem` gives; where that is equal the item
 * comes before the others. Nothing happens if its place is not loaded.
 */
export function insertAtPosition<F extends FunctionName<"query">>(
  insertion: ItemToInsert<F> & { readonly sortOrder: "asc" | "desc"; readonly sortKeyFromItem: (item: ItemOf<F>) => Value | Value[] },
): void {
  const { item, sortOrder, sortKeyFromItem } = insertion;
  const direction = sortOrder === "asc" ? 1 : -1;
  const key = sortKeyFromItem(item);
  const isBefore = (other: ItemOf<F>) => direction * compareValues(sortKeyFromItem(other), key) < 0;
  for (const pages of lists(insertion)) {
    const chain = inOrder(pages);
    // The page with the last item that comes before this one.
    const page = chain.filter(({ value }) => value.page.some(isBefore)).at(-1) ?? chain[0];
    if (page === undefined) continue;
    const items = page.value.page;
    const index = items.filter(isBefore).length;
    const isLast = index === items.length && chain.slice(chain.indexOf(page) + 1).every(({ value }) => value.page.length === 0);
    if (isLast && !chain.at(-1)?.value.isDone) continue;
    page.show([...items.slice(0, index), item, ...items.slice(index)]);
  }
}

/** The pages from the first on, as far as they follow each other. */
function inOrder<F>(pages: readonly LoadedPage<F>[]): LoadedPage<F>[] {
  const chain: LoadedPage<F>[] = [];
  for (let cursor: string | null = null; ; ) {
    const next = pages.find(({ options }) => options.cursor === cursor);
    if (next === undefined || chain.includes(next)) return chain;
    chain.push(next);
    cursor = next.value.continueCursor;
  }
}

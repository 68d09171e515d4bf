import type { ComponentChildren, Key } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";

import { Button } from "./button.tsx";
import { classNames } from "./class_names.ts";
import { SkeletonLines } from "./skeleton.tsx";
import { Spinner } from "./spinner.tsx";
import { ErrorState, messageOf } from "./states.tsx";

/** What `usePaginatedQuery` returns, as far as a list needs it. */
export type Pages<Item> = {
  readonly results: readonly Item[];
  readonly status: "LoadingFirstPage" | "CanLoadMore" | "LoadingMore" | "Exhausted";
  readonly loadMore: (count: number) => void;
  readonly error?: unknown;
};

/** How close to the end a list may be scrolled before it asks for more. */
const AHEAD = "400px";
/** So close to the bottom one reads the newest entries and wants to see those that come. */
const AT_BOTTOM = 48;

type ListProps<Item> = {
  readonly pages: Pages<Item>;
  readonly label: string;
  readonly keyOf: (item: Item) => Key;
  readonly children: (item: Item, index: number) => ComponentChildren;
  readonly empty: ComponentChildren;
  readonly loading?: ComponentChildren;
  readonly onRetry?: () => void;
  readonly pageSize?: number;
  /**
   * "down": the newest is first, older entries follow below. "up": the newest of `results` is first, too, but shown at the
   * bottom, and older ones are above; the list stays at the bottom while one is there, and in its place otherwise.
   */
  readonly direction?: "down" | "up";
  readonly class?: string;
  /** Shown after the entries, whatever there is. */
  readonly after?: ComponentChildren;
};

/** A list that scrolls by itself and loads more when its end comes near. */
export function InfiniteList<Item>({ pages, label, keyOf, children, empty, loading, onRetry, pageSize = 20, direction = "down", class: extra, after }: ListProps<Item>) {
  const { results, status, error } = pages;
  const isUp = direction === "up";
  const scroller = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const sentinel = useRef<HTMLDivElement>(null);
  const loadMore = useRef(pages.loadMore);
  loadMore.current = pages.loadMore;

  useEffect(() => {
    if (status !== "CanLoadMore" || error || !sentinel.current) return undefined;
    const observer = new IntersectionObserver((entries) => {
      if (entries.some((entry) => entry.isIntersecting)) loadMore.current(pageSize);
    }, { root: scroller.current, rootMargin: AHEAD });
    observer.observe(sentinel.current);
    return () => observer.disconnect();
  }, [status, error, pageSize, results.length]);
  useKeptPlace(scroller, content, isUp);

  if (error && results.length === 0) return <ErrorState error={error} onRetry={onRetry} />;
  if (status === "LoadingFirstPage") return <>{loading ?? <SkeletonLines count={6} />}</>;
  if (results.length === 0 && !after && status === "Exhausted") return <>{empty}</>;

  const shown = isUp ? [...results].reverse() : results;
  const more = (
    <div ref={sentinel} class={status === "Exhausted" ? undefined : "ui-list-more"}>
      {error ? <>{messageOf(error)} {onRetry && <Button size="sm" onClick={onRetry}>Try again</Button>}</> : null}
      {status === "LoadingMore" && <Spinner label="Loading more" />}
    </div>
  );
  return (
    <div ref={scroller} class={classNames("ui-list", isUp && "ui-list-up", extra)} tabIndex={0} role="region" aria-label={label}>
      <div ref={content}>
        {isUp && more}
        <ul role="list">
          {shown.map((item, index) => <li key={keyOf(item)}>{children(item, index)}</li>)}
        </ul>
        {after}
        {!isUp && more}
      </div>
    </div>
  );
}

/** Keeps a list at its bottom while its reader is there, and otherwise what is read in its place when more comes above it. */
function useKeptPlace(scroller: { readonly current: HTMLDivElement | null }, content: { readonly current: HTMLDivElement | null }, isUp: boolean) {
  // Elements appear once there is something to show, so that each drawing looks for them.
  const watched = useRef<{ element: HTMLDivElement; stop: () => void } | null>(null);
  useLayoutEffect(() => {
    const box = scroller.current;
    const inner = content.current;
    if (watched.current && watched.current.element !== box) {
      watched.current.stop();
      watched.current = null;
    }
    if (!isUp || !box || !inner || watched.current) return;
    let isAtBottom = true;
    let height = inner.offsetHeight;
    let room = box.clientHeight;
    let first = inner.querySelector("li");
    box.scrollTop = box.scrollHeight;
    const onScroll = () => {
      // What has just grown has not been seen to yet; where the reader is now says nothing about where they want to be.
      if (inner.offsetHeight !== height || box.clientHeight !== room) return;
      isAtBottom = box.scrollHeight - box.scrollTop - box.clientHeight < AT_BOTTOM;
    };
    const observer = new ResizeObserver(() => {
      const grown = inner.offsetHeight - height;
      const newFirst = inner.querySelector("li");
      if (isAtBottom) box.scrollTop = box.scrollHeight;
      else if (newFirst !== first) box.scrollTop += grown;
      height = inner.offsetHeight;
      room = box.clientHeight;
      first = newFirst;
    });
    box.addEventListener("scroll", onScroll, { passive: true });
    observer.observe(inner);
    observer.observe(box);
    watched.current = {
      element: box,
      stop: () => {
        observer.disconnect();
        box.removeEventListener("scroll", onScroll);
      },
    };
  });
  useEffect(() => () => watched.current?.stop(), []);
}

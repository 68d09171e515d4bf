// A long list of rows of one height, of which only those in sight are drawn.

import type { ComponentChildren, Ref } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

/** Rows beyond the edges that are drawn, too, so that scrolling shows no gaps. */
const MARGIN = 8;

/** Which rows are in sight, for an element that scrolls. `top` is what stands above the rows in it. */
export function useVisibleRows(count: number, height: number, top = 0) {
  const scroller = useRef<HTMLDivElement>(null);
  const [range, setRange] = useState<readonly [number, number]>([0, 40]);
  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element) return undefined;
    const measure = () => {
      const first = Math.max(Math.floor((element.scrollTop - top) / height) - MARGIN, 0);
      const last = Math.ceil((element.scrollTop - top + element.clientHeight) / height) + MARGIN;
      setRange((before) => (before[0] === first && before[1] === last ? before : [first, last]));
    };
    measure();
    element.addEventListener("scroll", measure, { passive: true });
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => {
      element.removeEventListener("scroll", measure);
      observer.disconnect();
    };
  }, [height, top]);
  const [first, last] = [Math.min(range[0], Math.max(count - 1, 0)), Math.min(range[1], count)];
  return { scroller, first, last };
}

/** Brings a row into sight. */
export function scrollToRow(element: HTMLElement | null, row: number, height: number, top = 0): void {
  if (!element) return;
  const above = row * height;
  if (above < element.scrollTop) element.scrollTop = above;
  else if (above + height + top > element.scrollTop + element.clientHeight) element.scrollTop = above + height + top - element.clientHeight;
}

/** A list without columns. */
export function VirtualList(props: {
  count: number;
  height: number;
  label: string;
  class?: string;
  row: (at: number) => ComponentChildren;
  onView?: (first: number, last: number) => void;
  /** Stays at the end while it is there. */
  followsEnd?: boolean;
  footer?: ComponentChildren;
  scrollerRef?: Ref<HTMLDivElement>;
}) {
  const { count, height, row, onView, followsEnd } = props;
  const { scroller, first, last } = useVisibleRows(count, height);
  const isAtEnd = useRef(true);
  useEffect(() => onView?.(first, last), [first, last, onView, count]);
  useLayoutEffect(() => {
    const element = scroller.current;
    if (followsEnd && isAtEnd.current && element) element.scrollTop = element.scrollHeight;
  });
  const rows = [];
  for (let at = first; at < last; at += 1) rows.push(row(at));
  return (
    <div
      ref={scroller}
      class={`virtual ${props.class ?? ""}`}
      role="region"
      aria-label={props.label}
      tabIndex={0}
      onScroll={(event: Event) => {
        const element = event.currentTarget as HTMLDivElement;
        isAtEnd.current = element.scrollTop + element.clientHeight >= element.scrollHeight - height;
      }}
    >
      <div class="virtual-space" style={{ height: `${count * height}px` }}>
        <ul role="list" class="virtual-rows" style={{ transform: `translateY(${first * height}px)` }}>{rows}</ul>
      </div>
      {props.footer}
    </div>
  );
}

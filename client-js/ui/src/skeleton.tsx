/** The place of a text that is being loaded. `width` and `height` are lengths as in CSS. */
export function Skeleton({ width, height }: { readonly width?: string; readonly height?: string }) {
  return <span class="ui-skeleton" aria-hidden="true" style={{ width, height }} />;
}

/** The places of several lines. */
export function SkeletonLines({ count, height = "2.5rem" }: { readonly count: number; readonly height?: string }) {
  return (
    <div class="ui-skeleton-lines" role="status">
      <span class="ui-hidden">Loading</span>
      {Array.from({ length: count }, (_, index) => <Skeleton key={index} height={height} />)}
    </div>
  );
}

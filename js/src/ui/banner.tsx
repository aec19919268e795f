/** An error with what to do about it. The picture below stays as it was. */
interface BannerProps {
  message: string;
  hint: string;
  onRetry(): void;
  onDismiss(): void;
}

export function Banner({ message, hint, onRetry, onDismiss }: BannerProps) {
  return (
    <div class="ew-banner" role="alert">
      <span class="ew-banner-mark" aria-hidden="true">
        !
      </span>
      <div class="ew-banner-text">
        <span class="ew-banner-message">{message}</span> {hint && <span class="ew-banner-hint">{hint}</span>}
      </div>
      <button type="button" class="ew-link" onClick={onRetry}>
        try again
      </button>
      <button type="button" class="ew-icon-button" aria-label="dismiss" title="dismiss" onClick={onDismiss}>
        ×
      </button>
    </div>
  );
}

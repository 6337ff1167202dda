import { failure } from '../domain/failure.js';
import type { Bounds } from './bounded-call.js';

export interface CallRate {
  /**
   * Waits for the right to make one call.
   * @throws StorageUnavailable when the limit leaves no call before the deadline; nothing was sent.
   */
  take(bounds: Bounds): Promise<void>;
}

/** A token bucket of `perSecond` calls a second, full at the start, shared by all calls of one adapter. */
export function callRate(perSecond: number): CallRate {
  let tokens = perSecond;
  let filled = performance.now();
  return {
    async take(bounds) {
      const now = performance.now();
      tokens = Math.min(perSecond, tokens + ((now - filled) * perSecond) / 1000);
      filled = now;
      tokens -= 1;
      if (tokens >= 0) return;
      // Whoever waits has its token already: later callers queue up behind it.
      const wait = (-tokens * 1000) / perSecond;
      try {
        if (wait > bounds.left())
          throw failure(
            'StorageUnavailable',
            `the limit of ${perSecond} NameNode calls a second (limits.nameNodeCalls) leaves no call before the deadline; nothing was sent`,
          );
        await bounds.sleep(wait);
      } catch (error) {
        tokens += 1;
        throw error;
      }
    },
  };
}

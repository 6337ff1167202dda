import { setTimeout as sleep } from 'node:timers/promises';

export interface Patience {
  /** Milliseconds until it counts as failed. Default 60 s. */
  readonly within?: number;
  /** Milliseconds between two looks. Default 100. */
  readonly every?: number;
  /** Ends the wait early: returns the reason why it can no longer come true, or undefined. */
  readonly hopeless?: () => string | undefined;
}

const messageOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
};

/**
 * Asks again and again until the answer is neither `undefined` nor `false`; a throw counts as "not yet". There is no
 * other way of waiting in the stack. Fails with what was awaited and what was seen last.
 */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | false> | T | undefined | false,
  patience: Patience = {},
): Promise<T> {
  const { within = 60_000, every = 100, hopeless } = patience;
  const started = performance.now();
  let last = 'no answer yet';
  for (;;) {
    const reason = hopeless?.();
    if (reason !== undefined) throw new Error(`${what}: ${reason} (last seen: ${last})`);
    try {
      const answer = await look();
      if (answer !== undefined && answer !== false) return answer;
      last = answer === false ? 'not yet' : 'nothing yet';
    } catch (error) {
      last = messageOf(error);
    }
    if (performance.now() - started > within)
      throw new Error(`${what}: not within ${Math.round(within / 1000)} s (last seen: ${last})`);
    await sleep(every);
  }
}

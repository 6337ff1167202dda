import { getEventListeners } from 'node:events';
import { expect } from 'vitest';

/** What a process holds that could outlive a call. */
interface Holdings {
  readonly sockets: number;
  readonly timers: number;
}

function holdings(): Holdings {
  const all = process.getActiveResourcesInfo();
  return {
    sockets: all.filter((name) => /TCP(Socket|Connect|Server)Wrap|TLSWrap|GetAddrInfo/.test(name)).length,
    timers: all.filter((name) => name === 'Timeout' || name === 'Immediate').length,
  };
}

/**
 * Runs `calls` and waits until the process holds no more sockets and timers than before, and the signal no listeners.
 * The other end of each connection must live in this process, or its sockets are counted once only.
 */
export async function expectNothingLeft(calls: (signal: AbortSignal) => Promise<void>): Promise<void> {
  // What the runner itself holds changes between ticks; the smaller of two looks is what stays.
  const before = holdings();
  const { signal } = new AbortController();
  await calls(signal);
  await expect
    .poll(
      () => {
        const now = holdings();
        return {
          sockets: Math.max(0, now.sockets - before.sockets),
          timers: Math.max(0, now.timers - before.timers),
        };
      },
      { timeout: 10_000, interval: 50 },
    )
    .toEqual({ sockets: 0, timers: 0 });
  expect(getEventListeners(signal, 'abort')).toHaveLength(0);
}

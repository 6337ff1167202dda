import { getEventListeners } from 'node:events';

/** What keeps a process busy: open resources by kind, and the listeners on the given signals. */
export interface Resources {
  readonly open: Readonly<Record<string, number>>;
  readonly listeners: number;
}

/**
 * Sockets, timers and other resources of this process, once closing ones are gone: closed sockets leave with the next
 * turns of the event loop. Waits until the wanted state is there, for five seconds at most.
 */
export async function settledResources(
  wanted?: Resources,
  signals: readonly AbortSignal[] = [],
): Promise<Resources> {
  let last = '';
  for (let turn = 0; ; turn += 1) {
    const now = count(signals);
    const text = JSON.stringify(now);
    const isSettled = wanted ? text === JSON.stringify(wanted) : text === last;
    if (isSettled || turn === 100) return now;
    last = text;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function count(signals: readonly AbortSignal[]): Resources {
  const open: Record<string, number> = {};
  // Requests that have ended but were not collected yet are no resources that stay.
  const kinds = process
    .getActiveResourcesInfo()
    .filter((kind) => !kind.endsWith('ReqWrap') && kind !== 'Immediate');
  for (const kind of kinds.sort()) open[kind] = (open[kind] ?? 0) + 1;
  return {
    open,
    listeners: signals.reduce((sum, signal) => sum + getEventListeners(signal, 'abort').length, 0),
  };
}

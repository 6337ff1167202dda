import type { Call, Receiver } from '../adapters/ports.js';
import { caseLink } from '../domain/links.js';
import { atLeast, type Notice, type Severity } from '../domain/notice.js';
import type { Deps } from './deps.js';

/** Waits between the tries for one receiver (milliseconds). */
const AGAIN_AFTER = [1_000, 5_000, 20_000] as const;

/** What became of a notice at one receiver, by its place in the configuration: addresses are secrets. */
export interface Told {
  readonly receiver: string;
  /** Null: it has it. */
  readonly failed: string | null;
}

/**
 * Sends a notice to everybody who wants its severity. It never fails: what a receiver refused stands in the result.
 * A step that is run again after a worker's death goes on after those in `already`; one may hear a notice twice.
 */
export async function notify(
  deps: Deps,
  notice: Notice,
  already: readonly Told[],
  signal: AbortSignal,
  heartbeat: (details: readonly Told[]) => void,
): Promise<readonly Told[]> {
  const { ui, namespace } = deps.config.temporal;
  const link = notice.workflowId === null ? null : caseLink({ ui, namespace }, notice.workflowId);
  let told = already;
  const wanting = deps.ports.receivers.filter((r) => atLeast(notice.severity, r.minSeverity));
  for (const receiver of wanting) {
    if (told.some((t) => t.receiver === receiver.name)) continue;
    const failed = await insist(deps, receiver, { ...notice, link }, { signal });
    told = [...told, { receiver: receiver.name, failed }];
    heartbeat(told);
  }
  return told;
}

/** The lowest severity that anybody wants; null: nobody is told anything. */
export const wantedFrom = (receivers: readonly Receiver[]): Severity | null =>
  receivers.reduce<Severity | null>(
    (lowest, { minSeverity }) => (lowest === null || atLeast(lowest, minSeverity) ? minSeverity : lowest),
    null,
  );

async function insist(
  deps: Deps,
  receiver: Receiver,
  notice: Parameters<Receiver['send']>[0],
  call: Call,
): Promise<string | null> {
  for (let attempt = 0; ; attempt++) {
    const answer = await receiver.send(notice, call);
    const wait = AGAIN_AFTER[attempt];
    if (answer.is === 'taken') return null;
    if (!answer.again || wait === undefined) return answer.because;
    await deps.ports.clock.sleep(wait, call.signal);
  }
}

import type { JobName } from '../domain/ids.js';
import { absent, present, unknown, type Reading } from '../domain/reading.js';
import { fault } from '../domain/failure.js';
import type { RestorePoint } from '../domain/restore-point.js';
import type { JobSight } from '../domain/watch-notices.js';
import { checkOffsets } from './check-offsets.js';
import type { Deps } from './deps.js';

/** Milliseconds between two checks of one job: each reads the metadata of its newest checkpoint. */
const EVERY = 10 * 60_000;
/** A check that found nothing out, or is to be relied on for a notice, is made again after this (milliseconds). */
const SOON = 60_000;

/** When the first record that a restore would need expires, as far as it is known by now; never waits. */
export type Expiries = (name: JobName, newest: RestorePoint | null) => JobSight['expiry'];

interface Check {
  /** Epoch milliseconds at which it was begun. */
  readonly at: number;
  /** Topic of the first needed record, and when it expires (epoch milliseconds). */
  readonly expires: Reading<{ readonly topic: string; readonly at: number }>;
}

/** Checks in the background, so that a storage or a Kafka that does not answer holds up no look at Flink. */
export function expiries(deps: Deps, signal: AbortSignal): Expiries {
  const { clock } = deps.ports;
  const checks = new Map<JobName, Check>();
  const check = async (name: JobName, point: RestorePoint): Promise<void> => {
    const at = clock.now();
    // While it is under way, what was known before is known still.
    checks.set(name, { at, expires: checks.get(name)?.expires ?? notYet });
    checks.set(name, { at, expires: await expiryOf(deps, name, point, signal) });
  };
  return (name, newest) => {
    if (newest === null) return absent;
    if (newest.time === null)
      return unknown(fault('Unclassified', 'the checkpoint has no time', newest.path));
    const now = clock.now();
    const last = checks.get(name) ?? { at: Number.NEGATIVE_INFINITY, expires: notYet };
    const ageMs = now - newest.time;
    const near = last.expires.is === 'present' && last.expires.value.at - now < ageMs;
    const again = last.expires.is === 'unknown' || near ? SOON : EVERY;
    const old = now - last.at >= again;
    if (old) check(name, newest).catch(() => undefined);
    if (last.expires.is !== 'present') return last.expires;
    // A newer checkpoint may need younger records by now.
    if (near && old) return notYet;
    return present({ topic: last.expires.value.topic, leftMs: last.expires.value.at - now, ageMs });
  };
}

const notYet: Reading<never> = unknown(fault('Unclassified', 'the retention was not looked at yet'));

async function expiryOf(
  deps: Deps,
  name: JobName,
  point: RestorePoint,
  signal: AbortSignal,
): Promise<Reading<{ topic: string; at: number }>> {
  const check = await checkOffsets(deps, { job: name, point }, signal);
  if (check.is !== 'present') return check;
  const { expires, gone } = check.value;
  const [lost] = gone;
  // Gone already: no time is left.
  if (lost !== undefined) return present({ topic: lost.topic, at: 0 });
  if (expires === null) return absent;
  return present({ topic: expires.topic, at: deps.ports.clock.now() + expires.inMs });
}

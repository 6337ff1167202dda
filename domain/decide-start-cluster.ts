/** Nobody leads although everything that Flink needs is there: the JobManager is started when a person agrees. */
import { explain } from './dead-end.js';
import type { Evidence } from './evidence.js';
import { ask, type Next } from './next.js';
import { fault } from './failure.js';
import { checkStart, type NoJobManager } from './start-cluster.js';
import { stillStuck } from './stuck.js';

/** @param why what it looks like, and for how long. */
export function decideStartCluster(e: Evidence, deadEnd: NoJobManager, why: string): Next {
  const a = e.assessment;
  const since = a === null ? null : stillStuck(e.stuck ?? null, a)?.since;
  const explained = (more: string): Next =>
    ask(
      'dead end',
      fault('FlinkUnavailable', why, deadEnd.run),
      `NoJobManager: ${explain(deadEnd)}${more}`,
      null,
      [],
    );
  if (a === null || since === null || since === undefined || deadEnd.leader !== null) return explained('');
  if (a.canStart !== true)
    return explained(' Start it. Holdfast can do it where clusters.<name>.startCluster has the command.');
  if (e.policy.repairs === 'never' || e.policy.attempts === 0)
    return explained(' Start it. Policy: Holdfast only reports it.');
  const check = checkStart(deadEnd, a);
  if (check.is !== 'ready') return explained(` Holdfast does not start it: ${check.because}.`);
  const question = ask(
    'dead end',
    fault('FlinkUnavailable', why, deadEnd.run),
    `NoJobManager: ${explain(deadEnd)} ${check.proofs.map((proof) => `${proof}.`).join(' ')} Flink then brings back whatever ZooKeeper holds, from the newest checkpoints; nothing is submitted.`,
    `start the JobManager with startCluster; none leads since ${new Date(since).toISOString()}`,
    [],
  );
  return e.approved.includes(question.plan.digest) ? { do: 'repair', deadEnd, modified: since } : question;
}

/** What is done about a dead end (design, 4.4): it is named, explained, and repaired when a person agrees. */
import { type DeadEnd, explain, waysOut } from './dead-end.js';
import { decideStartCluster } from './decide-start-cluster.js';
import type { Evidence } from './evidence.js';
import { failureClass, fault } from './failure.js';
import { ask, type Next, planFor } from './next.js';
import { absent } from './reading.js';
import { pointFromPath } from './restore-point.js';
import type { Situation } from './situation.js';
import { checkStop, tellStop } from './stop.js';

/** Named and explained; and when there is a repair, all its preconditions hold and the policy wants it, proposed. */
export function decideDeadEnd(e: Evidence, s: Extract<Situation, { is: 'dead-end' }>): Next {
  const { deadEnd } = s;
  const explained = (more = '', where?: string) =>
    ask(
      'dead end',
      fault('FlinkUnavailable', s.because, where),
      `${deadEnd.is}: ${explain(deadEnd)}${more}`,
      null,
      [],
    );
  if (deadEnd.is === 'UnreadableHaEntry') {
    const point = pointFromPath(deadEnd.point);
    const verdict = e.verdicts[point.path];
    if (verdict === undefined) return { do: 'readState', point };
    const told = verdict.is === 'sound' ? 'sound' : `${verdict.is} (${verdict.reasons[0]?.message ?? ''})`;
    return explained(` ${waysOut(deadEnd, verdict.is === 'sound', told)}`, deadEnd.znode);
  }
  if (deadEnd.is === 'RestoreLoop') return decideLoop(e, deadEnd, s.because);
  if (deadEnd.is === 'NoJobManager') return decideStartCluster(e, deadEnd, s.because);
  if (deadEnd.is === 'UnreadableJobResult') return explained('', deadEnd.path);
  if (deadEnd.is !== 'EmptyJobResult') return explained('', deadEnd.run);
  if (e.policy.repairs === 'never' || e.policy.attempts === 0)
    return explained(' Policy: Holdfast only reports it.', deadEnd.path);
  const check = e.repair;
  if (check === null) return { do: 'checkRepair', deadEnd };
  switch (check.is) {
    case 'over':
      return { do: 'watch', run: deadEnd.run, because: `nothing to repair: ${check.because}` };
    case 'wait':
      if (failureClass(check.because.code) !== 'transient')
        return { do: 'ask', plan: planFor(check.because) };
      return { do: 'await', for: check.for, until: check.until, because: check.because };
    case 'forbidden':
      return explained(` Holdfast does not do it: ${check.because}.`, deadEnd.path);
    case 'ready': {
      const made = new Date(check.modified).toISOString();
      const question = ask(
        'dead end',
        fault('FlinkUnavailable', s.because, deadEnd.path),
        `${explain(deadEnd)} ${check.proofs.map((proof) => `${proof}.`).join(' ')} Flink then brings the job back from its newest checkpoint by itself; nothing is submitted and nothing deleted.`,
        `rename ${deadEnd.path} of ${made} aside`,
        [],
      );
      if (!e.approved.includes(question.plan.digest)) return question;
      return { do: 'repair', deadEnd, modified: check.modified };
    }
  }
}

/** The loop is ended when a person agrees; then nobody but us brings the job back, and the ladder goes on by policy. */
export function decideLoop(e: Evidence, deadEnd: Extract<DeadEnd, { is: 'RestoreLoop' }>, why: string): Next {
  const runs = e.assessment?.runs.is === 'present' ? e.assessment.runs.value : [];
  const run = runs.find((r) => r.run === deadEnd.run);
  const because = fault('StateCorrupt', why, `${deadEnd.run} ${deadEnd.point}`);
  const explained = (more: string) =>
    ask('dead end', because, `RestoreLoop: ${explain(deadEnd)} ${more}`, null, []);
  if (e.policy.repairs === 'never' || e.policy.attempts === 0)
    return explained('Policy: Holdfast only reports it.');
  if (run === undefined) return explained('Flink does not show the run.');
  const check = checkStop({ ...run, retained: run.retained ?? absent });
  if (check.is === 'unknown') return { do: 'fail', fault: check.because };
  if (check.is !== 'cancel') return explained(`Holdfast does not stop it: ${check.because}.`);
  const does = tellStop(run.run, check);
  const question = ask(
    'dead end',
    because,
    `RestoreLoop: ${explain(deadEnd)} It may be stopped: ${check.because}. Then the ladder goes on, by policy fallback: ${e.policy.fallback}.`,
    does,
    [],
  );
  if (!e.approved.includes(question.plan.digest)) return question;
  return { do: 'stop', run: run.run, approved: true, because: does };
}

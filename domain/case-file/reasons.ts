/** A decision in words: what was to be done, and why. Made from the decision itself, so it cannot tell another story. */
import { explain } from '../dead-end.js';
import type { Evidence } from '../evidence.js';
import type { Next } from '../next.js';
import { dependencyOf } from '../dependency.js';
import { faultText } from './findings.js';
import { buildLadder } from '../ladder.js';
import type { RestorePoint } from '../restore-point.js';
import { situationNow } from '../stuck.js';

export interface Reason {
  readonly what: string;
  readonly because: string;
}

export function reasonFor(next: Next, e: Evidence): Reason {
  switch (next.do) {
    case 'assess':
      return {
        what: 'find out who can bring the job back',
        because:
          'it is the first question of every attempt: while Flink holds the job, a submission makes two',
      };
    case 'fetchPointer':
      return {
        what: 'ask every source for restore points',
        because: `nobody but Holdfast brings it back: ${situation(e)}`,
      };
    case 'readState':
      return { what: `prove what ${next.point.path} is worth`, because: rung(next.point, e) };
    case 'checkOffsets':
      return {
        what: `compare the positions in ${next.point.path} with Kafka`,
        because: `it is sound (${next.facts.files} files, ${next.facts.bytes} bytes); a restore makes sense only if Kafka holds what follows`,
      };
    case 'restore':
      return { what: `restore ${next.point.path}`, because: next.because };
    case 'start':
      return { what: `start it from nothing, Kafka from ${next.from.kafkaFrom}`, because: next.because };
    case 'stop':
      return { what: `stop run ${next.run}`, because: next.because };
    case 'confirm':
      return { what: `prove that run ${next.run} resumed from ${next.point}`, because: next.because };
    case 'checkRepair':
      return { what: `see whether ${next.deadEnd.path} may be set aside`, because: explain(next.deadEnd) };
    case 'repair':
      return {
        what:
          next.deadEnd.is === 'NoJobManager' ? 'start the JobManager' : `rename ${next.deadEnd.path} aside`,
        because: explain(next.deadEnd),
      };
    case 'await':
      return {
        what: `wait for ${next.for ?? 'a better moment'}; no attempt is spent`,
        because: faultText(next.because),
      };
    case 'watch':
      return { what: 'let Flink bring the job back', because: next.because };
    case 'leave':
      return { what: `leave it as it is: ${next.outcome}`, because: next.because };
    case 'fail': {
      const mends = dependencyOf(next.fault.code);
      return {
        what: `fail the attempt and try the same again${mends === null ? ' later' : ` when ${mends} is back, or later`}`,
        because: faultText(next.fault),
      };
    }
    case 'ask':
      return {
        what: `ask a person: ${next.plan.about}${next.plan.approves === null ? '' : `; yes means: ${next.plan.approves}`}`,
        because: faultText(next.plan.because),
      };
    case 'abort':
      return { what: 'stop, and keep everything', because: faultText(next.fault) };
    default:
      return next satisfies never;
  }
}

function situation(e: Evidence): string {
  if (e.assessment === null) return 'it was not looked at';
  const { is, because } = situationNow(e.assessment, e.since, e.stuck ?? null, e.verdicts);
  return `${is}: ${because}`;
}

/** Which rung it is, and why the higher ones are out. */
function rung(point: RestorePoint, e: Evidence): string {
  if (e.pointers === null) return 'it is the restore point at hand';
  if (e.chosen !== null) return 'a person chose it';
  const { rungs } = buildLadder(e.pointers, null);
  const at = rungs.findIndex((r) => r.point.path === point.path);
  const named = at < 0 ? '' : `, named by ${rungs[at]?.sources.join(', ')}`;
  if (at <= 0) return `it is the newest of ${rungs.length} restore points${named}`;
  const broken = rungs.slice(0, at).filter((r) => e.verdicts[r.point.path]?.is === 'broken').length;
  return `it is number ${at + 1} of ${rungs.length} restore points${named}; ${broken} newer ones are proved broken`;
}

/** What people are told of a case, without their looking: opened, asks, aborted, resumed, over. Pure; a table is its test. */
import type { Phase, Restored } from './case.js';
import type { Question } from './desk.js';
import type { Fault } from './failure.js';
import { NOTICES, type Notice, type NoticeKind } from './notice.js';

/** A case as far as a notice needs it. */
export interface NoticedCase {
  readonly job: string;
  readonly cluster: string;
  readonly workflowId: string;
  /** First execution run id: the same through all of the case. */
  readonly origin: string;
  readonly phase: Phase;
  readonly failed: number;
  readonly because: Fault | null;
  readonly question: Question | null;
  readonly restored: Restored | null;
  readonly situation: { readonly is: string; readonly because: string } | null;
  readonly firstAlert: string | null;
  /** Keys of the notices that were sent of this case. */
  readonly told: readonly string[];
  /** Epoch milliseconds. */
  readonly at: number;
}

/** What this standing calls for, unless it was told already; null: nothing. */
export function noticeOfCase(of: NoticedCase): Notice | null {
  const what = whatToSay(of);
  if (what === null) return null;
  const key = `case/${of.origin}/${what.id}`;
  if (of.told.includes(key)) return null;
  const { job, cluster, workflowId, at } = of;
  const { severity } = NOTICES[what.kind];
  const summary = what.summary.slice(0, 500);
  const over = what.kind === 'CaseResumed' || what.kind === 'CaseOver';
  return {
    kind: what.kind,
    severity,
    state: over ? 'over' : 'raised',
    key,
    ends: over || what.kind === 'CaseResumedWithGap' ? of.told : [],
    cluster,
    job,
    summary,
    at,
    workflowId,
  };
}

interface Words {
  readonly kind: NoticeKind;
  /** The same occasion, the same id: it is told once. */
  readonly id: string;
  readonly summary: string;
}

function whatToSay(of: NoticedCase): Words | null {
  switch (of.phase) {
    case 'opening': {
      const why = of.firstAlert ?? 'asked for by a person';
      return { kind: 'CaseOpened', id: 'opened', summary: `a case is open: ${why}` };
    }
    case 'asking':
      if (of.question === null) return null;
      return {
        kind: 'CaseAsks',
        id: `asks/${of.question.id}`,
        summary: `question ${of.question.id}: ${of.question.text}`,
      };
    case 'aborted': {
      const why = of.because === null ? 'no reason is known' : `${of.because.code}: ${of.because.message}`;
      return {
        kind: 'CaseAborted',
        id: `aborted/${of.failed}/${of.because?.code ?? ''}`,
        summary: `the recovery is aborted after ${of.failed} failed attempts: ${why}`,
      };
    }
    case 'resumed':
    case 'resumed with a gap': {
      if (of.restored === null) return null;
      const gap = of.phase === 'resumed with a gap';
      const { run, point } = of.restored;
      return {
        kind: gap ? 'CaseResumedWithGap' : 'CaseResumed',
        id: `resumed/${run}`,
        summary: gap
          ? `run ${run} restored ${point} and runs, but records were skipped: ${of.because?.message ?? 'see the case'}`
          : `run ${run} is proved: it restored ${point}`,
      };
    }
    case 'closed':
      return {
        kind: 'CaseOver',
        id: 'over',
        summary: `the case is over${of.situation === null ? '' : `: ${of.situation.is}, ${of.situation.because}`}`,
      };
    default:
      return null;
  }
}

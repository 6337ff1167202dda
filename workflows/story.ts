/** What people see of a case: current details, search attributes and memo in the Temporal UI, and the query `status`. */
import {
  ActivityFailure,
  ApplicationFailure,
  setCurrentDetails,
  TimeoutFailure,
  upsertMemo,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import { defineSearchAttributeKey, type SearchAttributeUpdatePair } from '@temporalio/common';
import type { CaseEnd, CaseStatus, Phase } from '../domain/case.js';
import type { Evidence } from '../domain/evidence.js';
import type { Hold } from '../domain/desk.js';
import { FAILURES, fault, isFault, type Fault } from '../domain/failure.js';
import { undoCommands } from '../domain/group-offsets.js';
import { sayStarted } from '../domain/kafka-from.js';
import { rungViews } from '../domain/rung-views.js';
import { situationNow } from '../domain/stuck.js';
import { sayRange } from '../domain/skipped.js';
import { newestTimeLeft, timeLeftOf } from '../domain/time-left.js';
import { oneLine, timeOfDay } from '../domain/words.js';
import type { Case } from './case.js';
import { ladderLines, questionLines, timeLeftLines, updateLines } from './page-parts.js';
import { tellPeople } from './notices.js';

const PHASE = defineSearchAttributeKey('HoldfastPhase', 'KEYWORD');
const ATTEMPT = defineSearchAttributeKey('HoldfastAttempt', 'INT');
const FAILURE = defineSearchAttributeKey('HoldfastFailure', 'KEYWORD');
const NEEDS_OPERATOR = defineSearchAttributeKey('HoldfastNeedsOperator', 'BOOL');

/**
 * What a list of cases shows: each change of it is an event in the history. What Holdfast does by itself, its waits
 * included, is one phase there; `HoldfastAttempt` and `HoldfastFailure` tell that it waits after a failed attempt.
 */
const coarse = (phase: Phase): string => {
  switch (phase) {
    case 'asking':
    case 'held':
    case 'aborted':
    case 'resumed':
    case 'resumed with a gap':
    case 'closed':
    case 'confirming':
      return phase;
    default:
      return 'recovering';
  }
};

/** Says where the case stands, everywhere at once. */
export function tell(the: Case, phase: Phase, step: string = the.step, e?: Evidence): void {
  if (phase !== the.phase) the.since = Date.now();
  the.phase = phase;
  the.step = step;
  if (e?.assessment) {
    const { is, because } = situationNow(e.assessment, e.since, e.stuck ?? null, e.verdicts);
    the.situation = { is, because };
  }
  if (e?.pointers) the.ladder = rungViews(e);
  if (e !== undefined) the.timeLeft = newestTimeLeft(the.timeLeft, timeLeftOf(e));
  setCurrentDetails(details(the));
  publish(the);
  tellPeople(the);
}

/** Publishes what has changed since it was last published, by this execution or the one before it. */
function publish(the: Case): void {
  if (the.opened === null) return;
  const { searchAttributes: registered } = the.opened;
  const { typedSearchAttributes: shown, memo = {} } = workflowInfo();
  const phase = coarse(the.phase);
  // What went wrong last stays until something else does.
  const failure = the.because?.code ?? the.failures.at(-1)?.fault.code ?? shown.get(FAILURE) ?? null;
  const pairs: readonly SearchAttributeUpdatePair[] = [
    { key: PHASE, value: phase },
    { key: ATTEMPT, value: attemptOf(the) },
    { key: FAILURE, value: failure },
    { key: NEEDS_OPERATOR, value: phase === 'asking' || phase === 'aborted' },
  ];
  const changed = pairs.filter(
    ({ key, value }) => registered.includes(key.name) && (shown.get(key) ?? null) !== value,
  );
  if (changed.length > 0) upsertSearchAttributes(changed);
  // The memo tells the outcome also where no attribute is registered; a phase that is over must not stay there.
  const told =
    phase === 'resumed' || phase === 'resumed with a gap' || phase === 'aborted' || phase === 'asking';
  if (told ? memo['phase'] !== phase : memo['phase'] !== undefined && memo['phase'] !== phase) {
    const { because, restored, failed, desk } = the;
    upsertMemo({ phase, because, restored, failed, question: desk.question });
  }
}

/** The attempt at work, counted from 1. */
const attemptOf = (the: Case): number => {
  if (the.opened === null) return 0;
  const over = the.phase === 'aborted' || the.phase === 'closed';
  return over || the.stopped !== null || the.lastPass !== 'none' ? the.failed : the.failed + 1;
};

export function statusOf(the: Case): CaseStatus {
  const { desk } = the;
  return {
    job: the.opened?.job ?? the.input.job,
    cluster: the.opened?.cluster ?? the.input.cluster ?? '',
    phase: the.phase,
    since: the.since,
    openedAt: the.openedAt,
    attempt: attemptOf(the),
    attempts: the.granted,
    situation: the.situation,
    waiting: the.waiting,
    failures: the.failures,
    ladder: the.ladder,
    restored: the.restored,
    repairs: the.repairs,
    question: desk.question,
    hold: desk.hold,
    alerts: desk.alerts,
    alertsHeard: desk.alertsHeard,
    because: the.because,
    next: commands(the),
    ...(the.groupOffsets === null ? {} : { groupOffsets: the.groupOffsets }),
    timeLeft: the.timeLeft,
    stops: the.stops,
    starts: the.starts,
  };
}

/** What a person can do now. */
function commands(the: Case): readonly string[] {
  const job = the.opened?.job ?? the.input.job;
  const id = the.desk.question?.id;
  switch (the.phase) {
    case 'aborted':
      return [
        `holdfast resume ${job} --reason …`,
        ...(the.because?.code === 'StateLost'
          ? [`holdfast recover ${job} --from-nothing --kafka-from … --reason …`]
          : []),
        `holdfast close ${job} --reason …`,
      ];
    case 'asking':
      return [
        ...(the.desk.question?.approves === null
          ? []
          : [`holdfast approve ${job} --question ${id} --reason …`]),
        ...(the.desk.question?.choices ?? [])
          .slice(0, 5)
          .map((path) => `holdfast choose ${job} ${path} --question ${id} --reason …`),
        `holdfast reject ${job} --question ${id} --reason …`,
        `holdfast retry ${job} --reason …`,
      ];
    case 'held':
      return [`holdfast release ${job} --reason …`];
    case 'resumed':
    case 'resumed with a gap':
      return [`holdfast close ${job} --reason …`];
    case 'closed':
      return [];
    default:
      return [
        `holdfast hold ${job} --reason …`,
        `holdfast abort ${job} --reason …`,
        `holdfast retry ${job} --reason …`,
      ];
  }
}

const heldUntil = ({ until }: Hold): string =>
  until === undefined || until === null ? 'until it is released' : `until ${timeOfDay(until)} UTC`;

/** The page of the case in the Temporal UI, as Markdown. */
function details(the: Case): string {
  const s = statusOf(the);
  const of = s.attempts === null ? '' : ` of ${s.attempts}`;
  const lines = [
    `# ${s.job}: ${s.phase}`,
    '',
    `Attempt **${s.attempt}${of}**, open since ${timeOfDay(s.openedAt)} UTC.`,
  ];
  if (s.situation) lines.push('', `**Situation: ${s.situation.is}**. ${s.situation.because}`);
  if (s.because) {
    lines.push('', `**${s.because.code}**: ${s.because.message}`);
    // A question says itself what to do.
    if (s.question === null) lines.push('', FAILURES[s.because.code].person);
  }
  if (s.waiting)
    lines.push(
      '',
      `Waiting for **${s.waiting.for}** since ${timeOfDay(s.waiting.since)}, at most until ${timeOfDay(s.waiting.until)} UTC.`,
    );
  if (s.hold)
    lines.push(
      '',
      `**Held** by ${s.hold.by} since ${timeOfDay(s.hold.since)} UTC, ${heldUntil(s.hold)}: ${s.hold.reason}`,
    );
  if (s.question) lines.push(...questionLines(s.question));
  if (s.restored) {
    lines.push(
      '',
      `## Restored`,
      '',
      `\`${s.restored.point}\` as run \`${s.restored.run}\`, submitted ${timeOfDay(s.restored.submittedAt)} UTC.`,
    );
    lines.push('', ...s.restored.proofs.map((p) => `- ${p}`));
    const { fromNothing } = s.restored;
    if (fromNothing !== undefined) lines.push('', ...sayStarted(fromNothing));
    const skipped = s.restored.skipped ?? [];
    if (skipped.length > 0) {
      lines.push('', '## Records that were not read', '');
      lines.push(...skipped.slice(0, 50).map((r) => `- ${sayRange(r)}`));
    }
  }
  const undo = s.groupOffsets === undefined ? [] : undoCommands(s.groupOffsets);
  if (undo.length > 0) {
    lines.push('', `## Offsets of group ${s.groupOffsets?.group}`, '', 'To give it back what it had:', '');
    lines.push(...undo.map((c) => `    ${c.slice(0, 2_000)}`));
  }
  for (const r of s.repairs) {
    lines.push('', `## Repaired at ${timeOfDay(r.at)} UTC`, '', `\`${r.from}\` was renamed to \`${r.to}\`.`);
    lines.push('', ...r.proofs.map((p) => `- ${p}`));
  }
  for (const stop of s.stops ?? []) {
    const saved = stop.savepoint === null ? '' : ` after the savepoint \`${stop.savepoint}\``;
    lines.push(
      '',
      `## Stopped at ${timeOfDay(stop.at)} UTC`,
      '',
      `Run \`${stop.run}\`${saved}: ${stop.because}.`,
    );
  }
  for (const { at, run, leader, proofs } of s.starts ?? []) {
    const leads = leader === null ? 'nobody led within a minute' : `\`${leader}\` leads`;
    lines.push('', `## JobManager started at ${timeOfDay(at)} UTC`, '', `For run \`${run}\`; ${leads}.`);
    lines.push('', ...proofs.map((p) => `- ${p}`));
  }
  if (s.ladder.length > 0) {
    lines.push(...ladderLines(s.ladder));
  }
  if (s.failures.length > 0) {
    lines.push('', '## Failed attempts', '');
    lines.push(
      ...s.failures.map(
        (f) =>
          `- **${f.attempt}**, ${timeOfDay(f.started)} UTC, ${f.step}: **${f.fault.code}** ${oneLine(f.fault.message)}`,
      ),
    );
  }
  lines.push(...timeLeftLines(s.timeLeft, Date.now()));
  lines.push('', `Alerts: ${s.alertsHeard} heard, ${s.alerts.length} different.`);
  if (s.next.length > 0) lines.push('', '## What you can do now', '', ...s.next.map((c) => `    ${c}`));
  lines.push(...updateLines(s.phase));
  return lines.join('\n').slice(0, 15_000);
}

/** The fault behind a failed step. */
export function faultFrom(error: unknown, step: string): Fault {
  const cause = error instanceof ActivityFailure ? error.cause : error;
  if (cause instanceof ApplicationFailure) {
    const [detail] = (cause.details ?? []) as readonly unknown[];
    if (isFault(detail)) return detail;
    return fault('Unclassified', `${step}: ${cause.message}`);
  }
  if (cause instanceof TimeoutFailure)
    return fault('Unclassified', `${step} did not finish in time: ${cause.message}`);
  return fault('Unclassified', `${step}: ${cause instanceof Error ? cause.message : String(cause)}`);
}

/** The workflow's result. */
export function endOf(the: Case, outcome: CaseEnd['outcome'], because: string): CaseEnd {
  if (outcome !== 'handed over')
    tell(the, outcome === 'resumed' || outcome === 'resumed with a gap' ? outcome : 'closed');
  return {
    outcome,
    job: the.opened?.job ?? the.input.job,
    cluster: the.opened?.cluster ?? the.input.cluster ?? '',
    attempts: the.failed + (the.restored === null ? 0 : 1),
    restored: the.restored,
    because,
    link: outcome === 'handed over' ? (the.opened?.workflowId ?? null) : null,
  };
}

/** Whether this execution has the id of the one case of its job. */
export const isCanonical = (the: Case): boolean => the.opened?.workflowId === workflowInfo().workflowId;

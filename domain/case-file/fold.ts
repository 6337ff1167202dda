/** The fold itself: event by event, oldest execution first. Total: what it cannot understand it says, and goes on. */
import { RECOVERY_ABORTED, type AbortLedger } from '../abort-ledger.js';
import { mergeAlert, resolveAlert, type Alert, type AlertResolved } from '../alert.js';
import type { CaseEnd, Restored } from '../case.js';
import type { Began } from '../evidence.js';
import type { Question, Said } from '../desk.js';
import { fault, isFault, type Fault } from '../failure.js';
import type { ResumedOffsets } from '../group-offsets.js';
import type { FromNothing } from '../kafka-from.js';
import { NOTHING } from '../kafka-from.js';
import type { Policy } from '../policy.js';
import { sayCheck, type Repairable, type RepairOutcome } from '../repair.js';
import { notStarted } from '../start-cluster.js';
import { pointFromPath, type RestorePoint } from '../restore-point.js';
import type { StandingHold } from '../standing-hold.js';
import { stopConsent, type StopOutcome } from '../stop.js';
import { EXHAUSTED, isExhaustion } from '../exhausted.js';
import { gapIn } from '../skipped.js';
import { newDraft, type CaseDraft, type Draft, type DecisionDraft, type WaitDraft } from './draft.js';
import { factsOf, faultText, foundBy, type Confirmed } from './findings.js';
import type { ExecutionHistory, HistoryEvent } from './history.js';
import {
  beginPass,
  closePass,
  currentDecision,
  expectedNext,
  expectedPlan,
  failPass,
  faultOfStep,
  learn,
  showPause,
  showStep,
  stepLost,
} from './passes.js';
import {
  CASE_FILE_FORMAT,
  type CaseFile,
  type EndedBy,
  type Message,
  type Step,
  type Told,
} from './shape.js';
import { callOff, endWait, openWait, stir, turnInto } from './waits.js';

type Of<K extends HistoryEvent['is']> = Extract<HistoryEvent, { is: K }>;

/** Steps that only open or hand over a case. */
const OPENING = new Set(['openCase', 'handOver', 'raiseAlert']);
/** Steps that submit the job. */
const SUBMITS = new Set(['restoreJob', 'startJob']);
/** Failures of a submission after which the job may be starting all the same. */
const IN_DOUBT = new Set<Fault['code']>(['SubmitInDoubt', 'LaunchInDoubt', 'Unclassified']);
/** Steps that may run while the case only waits. */
const WAITING = new Set(['awaitReturn', 'watchRun']);

/** @param histories the executions of one case, oldest first. */
export function foldCase(histories: readonly ExecutionHistory[]): CaseFile {
  const d = newDraft();
  if (histories.every((h) => h.length === 0)) d.missing.push('the history is empty');
  for (const history of histories) {
    d.steps = new Map();
    d.messages = new Map();
    checkNumbers(d, history);
    for (const event of history) {
      try {
        hear(d, event);
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        d.missing.push(`event ${event.id} (${event.is}) could not be understood: ${why}`);
      }
    }
  }
  return written(d);
}

function checkNumbers(d: CaseDraft, history: ExecutionHistory): void {
  const [first] = history;
  if (first !== undefined && first.is !== 'started')
    d.missing.push(`the history begins with event ${first.id}: what came before is not told`);
  for (const [i, { id }] of history.entries()) {
    const before = history[i - 1]?.id;
    if (before !== undefined && id > before + 1)
      d.missing.push(`events ${before + 1} to ${id - 1} are missing`);
  }
  const run = d.executions.at(-1);
  if (run !== undefined && run.how === 'open' && history.length > 0)
    d.missing.push(`the end of execution ${run.runId} is missing`);
}

function hear(d: CaseDraft, event: HistoryEvent): void {
  const execution = d.executions.at(-1);
  if (execution !== undefined && event.is !== 'started') execution.events = event.id;
  switch (event.is) {
    case 'started':
      return started(d, event);
    case 'step scheduled':
      return scheduled(d, event);
    case 'step started':
      return stepStarted(d, event);
    case 'step completed':
      return completed(d, event);
    case 'step failed':
      return failed(d, event);
    case 'step cancelled': {
      const open = d.steps.get(event.scheduled);
      if (open !== undefined)
        Object.assign(open.step, {
          to: event.at,
          answer: 'called off',
          found: 'nobody waited for it any more',
        });
      return;
    }
    case 'local step':
      return localStep(d, event);
    case 'timer started':
      if (d.hold !== null && d.hold.until !== null && d.holdTimer === null && d.wait?.for !== 'an answer') {
        d.holdTimer = event.timer;
        return;
      }
      if (d.wait === null || d.timer !== null) return;
      d.timer = event.timer;
      d.wait.until = event.at + event.ms;
      showPause(d);
      return;
    case 'timer fired':
      if (d.holdTimer === event.timer)
        endHold(d, { is: 'time', at: event.at, text: 'the time of the hold was up' });
      if (d.timer === event.timer)
        stir(d, { kind: 'time', is: 'time', at: event.at, text: 'the time was up' });
      return;
    case 'signal':
      return signalled(d, event);
    case 'update':
      return said(d, event);
    case 'update answered': {
      const message = d.messages.get(event.accepted);
      if (message !== undefined && event.failure !== null) message.refused = event.failure.message;
      return;
    }
    case 'cancel asked':
      person(d, event.at, 'abort', 'workflow cancel', event.cause || 'the workflow was cancelled');
      return;
    case 'memo':
      return published(d, event);
    case 'task lost':
      d.technical.push({ at: event.at, what: `a workflow task was done again: ${event.because}` });
      return;
    case 'ended':
      return ended(d, event);
    case 'bookkeeping':
      return;
    case 'unknown':
      d.unknownEvents[event.type] = (d.unknownEvents[event.type] ?? 0) + 1;
      return;
    default:
      event satisfies never;
  }
}

// ── Executions ──────────────────────────────────────────────────────────────────────────────────────────────────

interface Input {
  readonly job?: string;
  readonly cluster?: string;
  readonly from?: { readonly path: string; readonly by: string; readonly reason: string } | null;
  readonly fromNothing?: FromNothing;
  readonly carried?: { readonly failed?: number; readonly granted?: number | null };
}

function started(d: CaseDraft, event: Of<'started'>): void {
  const input = (event.input ?? {}) as Input;
  const before = d.executions.at(-1);
  d.executions.push({ runId: event.runId, started: event.at, ended: null, how: 'open', events: event.id });
  if (event.workflow !== '' && event.workflow !== 'recoverJob')
    d.missing.push(`this is a history of workflow ${event.workflow}, not of a recovery`);
  d.job ??= input.job ?? null;
  d.cluster ??= input.cluster ?? null;
  if (event.continues !== null) {
    if (before?.runId !== event.continues) {
      d.missing.push(`execution ${event.continues}, which came before, is not in this history`);
      d.failed = input.carried?.failed ?? d.failed;
      d.granted = input.carried?.granted ?? d.granted;
    }
    d.story.push({ is: 'continued', at: event.at, as: event.runId });
  } else if (before !== undefined) d.missing.push(`execution ${event.runId} is another case`);
  d.state = { is: 'open', at: null, outcome: null, because: '', goesOnAs: null };
  if (d.opened !== null) return;
  const { from, fromNothing } = input;
  if (fromNothing) {
    const { by, reason, kafkaFrom } = fromNothing;
    const because = `${by} asked to start from nothing, Kafka from ${kafkaFrom}: ${reason}`;
    d.opened = { at: event.at, by: 'person', because, from: null };
    return;
  }
  if (from) {
    d.choices.set(from.path, { by: from.by, reason: from.reason });
    const because = `${from.by} asked to restore ${from.path}: ${from.reason}`;
    d.opened = { at: event.at, by: 'person', because, from: from.path };
    return;
  }
  // An alert that opened it comes right after, as a signal.
  const because = event.startedBy === '' ? 'started by hand' : `started by hand (${event.startedBy})`;
  d.opened = { at: event.at, by: 'hand', because, from: null };
}

function ended(d: CaseDraft, event: Of<'ended'>): void {
  const execution = d.executions.at(-1);
  if (execution !== undefined) Object.assign(execution, { ended: event.at, how: event.how });
  if (event.how === 'continued as new') {
    endWait(d, event.at);
    closePass(d, event.at, { is: 'again', because: 'the case goes on in a new execution', fault: null });
    d.state = {
      ...d.state,
      because: 'it goes on in a new execution that is not in this history',
      goesOnAs: event.continuedBy,
    };
    return;
  }
  showEnd(d, event);
  const byEnd = { kind: 'the end', is: 'the end', at: event.at, text: `the case ${event.how}` } as const;
  if (d.wait !== null) {
    const { wait } = d;
    endWait(d, event.at);
    wait.endedBy ??= byEnd;
  }
  endHold(d, byEnd);
  closePass(d, event.at, { is: 'not told', because: `the case ${event.how}`, fault: null });
  const end = event.result as Partial<CaseEnd> | null | undefined;
  const is = event.how === 'completed' ? 'ended' : event.how;
  if (event.failure?.type === RECOVERY_ABORTED) d.left = event.failure.details[0];
  if (end?.restored) d.restored = end.restored;
  d.state = {
    is,
    at: event.at,
    outcome: end?.outcome ?? null,
    because: end?.because ?? event.failure?.message ?? `the case ${event.how}`,
    goesOnAs: end?.link ?? null,
  };
}

/** Whether the end is the one that was decided. */
function showEnd(d: CaseDraft, event: Of<'ended'>): void {
  const next = expectedNext(d);
  if (next?.do !== 'leave') return;
  const outcome = (event.result as Partial<CaseEnd> | null | undefined)?.outcome;
  if (outcome === next.outcome) return showPause(d);
  const decision = currentDecision(d);
  if (decision !== undefined && decision.taken === 'open')
    Object.assign(decision, {
      taken: 'differs',
      instead: `the history shows the end ${outcome ?? event.how}`,
    });
}

// ── Steps ───────────────────────────────────────────────────────────────────────────────────────────────────────

const newStep = (name: string, asked: string, at: number): Draft<Step> => ({
  name,
  asked,
  from: at,
  to: null,
  tries: 1,
  lost: null,
  answer: 'none yet',
  found: 'no answer yet',
  findings: [],
  fault: null,
});

/** A step within a workflow task: it is over when it is told. */
function localStep(d: CaseDraft, event: Of<'local step'>): void {
  const step = newStep(event.step, event.step, event.at);
  d.opening.push(step);
  Object.assign(step, { to: event.at, tries: event.try });
  if (event.failure !== null) {
    const because = faultOfStep(event.step, event.failure.details, event.failure.type, event.failure.message);
    Object.assign(step, { answer: 'failed', found: faultText(because), fault: because });
    return;
  }
  const found = foundBy(event.step, undefined, event.result);
  Object.assign(step, { answer: 'found', found: found.text, findings: found.findings });
  if (event.step === 'openCase') caseOpened(d, event.result as Opened, event.at);
}

function scheduled(d: CaseDraft, event: Of<'step scheduled'>): void {
  const step = newStep(event.step, event.summary ?? event.step, event.at);
  if (event.step === 'assessRun') {
    endWait(d, event.at);
    beginPass(d, event.at, (event.input as { readonly began?: Began } | undefined)?.began ?? null);
  }
  const wait = waitOf(d, event.step);
  const notice = event.step === 'notify' ? noticeOf(d, event) : null;
  d.steps.set(event.id, { step, input: event.input, wait, notice });
  if (notice !== null) return;
  if (OPENING.has(event.step)) return void d.opening.push(step);
  if (wait !== null) {
    wait.steps.push(step);
    if (wait === d.wait) waiting(d, event, wait);
    return;
  }
  const decision = showStep(d, event.at, event.step, event.input);
  decision?.steps.push(step);
  if (decision === undefined)
    d.missing.push(`event ${event.id}: step ${event.step} belongs to no pass and no wait`);
  if (SUBMITS.has(event.step)) submitting(d, event, decision);
}

/** The wait that a step belongs to; null: it belongs to a decision. */
function waitOf(d: CaseDraft, step: string): CaseDraft['wait'] {
  if (step === 'awaitRelease') return d.hold;
  return d.wait !== null && WAITING.has(step) ? d.wait : null;
}

function waiting(d: CaseDraft, event: Of<'step scheduled'>, wait: WaitDraft): void {
  const { atMost } = (event.input ?? {}) as { readonly atMost?: number };
  if (wait.for === 'Flink' && event.step === 'awaitReturn') {
    const decision = currentDecision(d);
    const instead = 'the deadline has passed: only a savepoint is waited for';
    if (decision?.taken === 'open') Object.assign(decision, { taken: 'overruled', instead });
    return void turnInto(d, 'usable storage', event.at, instead);
  }
  showPause(d);
  if (atMost !== undefined) wait.until ??= event.at + atMost;
}

function noticeOf(d: CaseDraft, event: Of<'step scheduled'>): Draft<Told> {
  const notice: Draft<Told> = { at: event.at, what: event.summary ?? 'a notice', sent: 'not told' };
  d.notices.push(notice);
  return notice;
}

function stepStarted(d: CaseDraft, event: Of<'step started'>): void {
  const open = d.steps.get(event.scheduled);
  if (open === undefined) return;
  open.step.tries = event.try;
  open.step.lost = event.lastFailure;
  if (event.try > 1) {
    const why = event.lastFailure === null ? '' : `; the try before was lost: ${event.lastFailure}`;
    d.technical.push({ at: event.at, what: `${open.step.name} was begun ${event.try} times${why}` });
  }
}

function completed(d: CaseDraft, event: Of<'step completed'>): void {
  const open = d.steps.get(event.scheduled);
  if (open === undefined) {
    d.missing.push(`event ${event.id} answers a step that this history does not show`);
    return;
  }
  const { step, input, wait, notice } = open;
  if (notice !== null) {
    notice.sent = 'yes';
    return;
  }
  Object.assign(step, { to: event.at, answer: 'found' });
  const found = foundBy(step.name, input, event.result);
  Object.assign(step, { found: found.text, findings: found.findings });
  if (wait !== null) return answeredWait(d, event, step, wait);
  switch (step.name) {
    case 'openCase':
      return caseOpened(d, event.result as Opened, event.at);
    case 'resumeOffsets':
      return offsetsResumed(d, event.at, event.result as ResumedOffsets);
    case 'setStart':
      return offsetsResumed(
        d,
        event.at,
        (event.result as { readonly groupOffsets: ResumedOffsets }).groupOffsets,
      );
    case 'restoreJob':
    case 'startJob':
      return submitted(d, event);
    case 'stopRun':
      return stopped(d, event.at, input, event.result as StopOutcome);
    case 'confirmRestored':
      return confirmed(d, event.at, input as ConfirmInput, event.result as Confirmed);
    case 'requestRepair':
      return repaired(d, event.at, input, event.result as RepairOutcome);
    case 'watchRun':
      return closePass(d, event.at, { is: 'again', because: step.found, fault: null });
    case 'assessRun':
      honour(d, event.at, (event.result as { readonly hold?: StandingHold | null }).hold);
      return learn(d, event.at, step.name, input, event.result);
    default:
      return learn(d, event.at, step.name, input, event.result);
  }
}

function answeredWait(d: CaseDraft, event: Of<'step completed'>, step: Step, wait: CaseDraft['wait']): void {
  if (step.name === 'awaitRelease' && wait === d.hold)
    return endHold(d, { is: 'person', at: event.at, text: 'the standing hold was ended' });
  if (wait !== d.wait) return;
  if (step.name === 'watchRun')
    return stir(d, { kind: 'Flink', is: 'Flink', at: event.at, text: step.found });
  if ((event.result as { readonly is?: string } | undefined)?.is !== 'returned')
    return wait?.for === 'usable storage'
      ? undefined
      : stir(d, { kind: 'time', is: 'time', at: event.at, text: 'the time was up' });
  const { dependency } = (d.steps.get(event.scheduled)?.input ?? {}) as { readonly dependency?: string };
  stir(d, { kind: 'dependency', is: 'dependency', at: event.at, text: `${dependency ?? 'it'} is back` });
}

function failed(d: CaseDraft, event: Of<'step failed'>): void {
  const open = d.steps.get(event.scheduled);
  if (open === undefined) {
    d.missing.push(`event ${event.id} answers a step that this history does not show`);
    return;
  }
  const { step, wait, notice } = open;
  if (notice !== null) {
    notice.sent = 'no';
    return;
  }
  const { type, message, details } = event.failure;
  const because = faultOfStep(step.name, details, type, message);
  Object.assign(step, { to: event.at, answer: 'failed', found: faultText(because), fault: because });
  if (SUBMITS.has(step.name)) refused(d, event, because);
  if (wait !== null) {
    if (wait !== d.wait || wait.for !== 'Flink') return;
    // The watch belongs to the pass: that it could not watch is a failed step.
    stir(d, { kind: 'failure', is: 'Flink', at: event.at, text: faultText(because) });
    d.pass = d.lastPass;
    endWait(d, event.at);
    return stepLost(d, event.at, because);
  }
  stepLost(d, event.at, because);
}

interface Opened {
  readonly job: string;
  readonly cluster: string;
  readonly policy: Policy;
  readonly configDigest: string;
  readonly hold?: StandingHold | null;
}

function caseOpened(d: CaseDraft, opened: Opened, at: number): void {
  const first = d.policy === null;
  d.job = opened.job;
  d.cluster = opened.cluster;
  d.policy = opened.policy;
  d.configDigest = opened.configDigest;
  if (!first) return;
  d.granted ??= opened.policy.attempts;
  honour(d, at, opened.hold);
}

function offsetsResumed(d: CaseDraft, at: number, r: ResumedOffsets): void {
  if (r.committed > 0) d.undo.push({ at, group: r.group ?? '', before: r.before, changed: r.committed });
}

// ── Submissions ─────────────────────────────────────────────────────────────────────────────────────────────────

interface RestoreInput {
  readonly run: string;
  /** Left out: it is started from nothing. */
  readonly point?: RestorePoint;
  readonly sha256?: string;
}

function submitting(d: CaseDraft, event: Of<'step scheduled'>, decision: DecisionDraft | undefined): void {
  const { run, point, sha256 } = event.input as RestoreInput;
  const path = point?.path ?? NOTHING;
  const verdict = d.e?.verdicts[path];
  d.submissions.push({
    at: event.at,
    to: null,
    attempt: d.pass?.attempt ?? d.failed + 1,
    run,
    shown: run,
    point: path,
    because: decision?.because ?? 'this history does not tell why',
    verified: verdict?.is === 'sound' ? factsOf(verdict.facts) : [],
    sha256: sha256 ?? null,
    answer: 'none yet',
    fault: null,
    proofs: [],
    provedAt: null,
  });
}

/** What Flink was given under a run id that is in doubt is what the first call named. */
function submitted(d: CaseDraft, event: Of<'step completed'>): void {
  const { is, at, shown } = event.result as {
    readonly is: 'accepted' | 'duplicate' | 'ended';
    readonly at: number;
    /** The id under which Flink shows it, where a launch command could not choose it. */
    readonly shown?: string;
  };
  const call = d.submissions.at(-1);
  if (call === undefined) return;
  const run = shown ?? call.run;
  Object.assign(call, { to: event.at, answer: is, shown: run });
  if (is === 'ended')
    return failPass(d, event.at, fault('RestoreTimedOut', `run ${call.run} is over already`, call.run));
  const point = is === 'accepted' ? call.point : (d.e?.openSubmission?.point ?? call.point);
  d.restored = { point, run: run as Restored['run'], submittedAt: at, provedAt: null, proofs: [] };
}

function refused(d: CaseDraft, event: Of<'step failed'>, because: Fault): void {
  const doubt = IN_DOUBT.has(because.code);
  const call = d.submissions.at(-1);
  if (call !== undefined)
    Object.assign(call, { to: event.at, answer: doubt ? 'in doubt' : 'refused', fault: because });
}

interface ConfirmInput {
  readonly run: Restored['run'];
  readonly point: string;
}

function confirmed(d: CaseDraft, at: number, { run, point }: ConfirmInput, c: Confirmed): void {
  switch (c.is) {
    case 'proved': {
      const { proofs, skipped = [] } = c;
      for (const call of d.submissions)
        if (call.run === run || call.shown === run) Object.assign(call, { proofs, provedAt: c.at });
      const submittedAt = d.restored?.run === run ? d.restored.submittedAt : c.at;
      d.restored = { point, run, submittedAt, provedAt: c.at, proofs, skipped };
      const gap = gapIn(skipped, run);
      closePass(d, at, { is: 'resumed', because: gap?.message ?? proofs.join('; '), fault: gap });
      openWait(d, 'the soak', at, 'the restored run is proved; the case stays open for a new alert');
      return;
    }
    case 'dead':
      d.restored = null;
      return failPass(d, at, c.fault);
    case 'unproven':
      return closePass(d, at, { is: 'again', because: `not proved in time: ${c.missing}`, fault: null });
  }
}

function stopped(d: CaseDraft, at: number, input: unknown, outcome: StopOutcome): void {
  if (outcome.is === 'not done') {
    const { run } = input as { readonly run: string };
    return failPass(d, at, fault('FlinkRestarting', `not stopped: ${outcome.because}`, run));
  }
  d.stops.push(outcome.stop);
  closePass(d, at, { is: 'again', because: `run ${outcome.stop.run} is stopped`, fault: null });
}

function repaired(d: CaseDraft, at: number, input: unknown, outcome: RepairOutcome): void {
  const { deadEnd } = input as { readonly deadEnd: Repairable };
  const again = (because: string) => closePass(d, at, { is: 'again', because, fault: null });
  switch (outcome.is) {
    case 'repaired':
      d.repairs.push(outcome.repair);
      return again('repaired: Flink brings the job back');
    case 'started':
      d.starts.push(outcome.start);
      return again('the JobManager was started: Flink brings the job back');
    case 'not done':
      if (deadEnd.is === 'NoJobManager')
        return failPass(d, at, notStarted(deadEnd.run, sayCheck(outcome.check)));
      return again(`nothing was repaired: ${sayCheck(outcome.check)}`);
    case 'failed':
      return failPass(d, at, outcome.fault);
  }
}

// ── People and alerts ───────────────────────────────────────────────────────────────────────────────────────────

function signalled(d: CaseDraft, event: Of<'signal'>): void {
  switch (event.name) {
    case 'alertRaised': {
      const alert = event.input as Alert;
      const before = d.alerts;
      d.alerts = mergeAlert(d.alerts, alert, event.at);
      d.alertsHeard++;
      const repeated = before.some(
        ({ alert: a }) => a.fingerprint === alert.fingerprint && a.startedAt === alert.startedAt,
      );
      d.story.push({
        is: 'alert',
        at: event.at,
        kind: 'raised',
        source: alert.source,
        summary: alert.summary,
        repeated,
      });
      if (d.opened?.by === 'hand' && d.alertsHeard === 1 && d.pass === null && d.lastPass === null)
        d.opened = {
          ...d.opened,
          by: alert.source === 'cli' ? 'person' : 'alert',
          because: `${alert.source}: ${alert.summary}`,
        };
      return stir(d, {
        kind: 'alert',
        is: 'alert',
        at: event.at,
        text: `an alert from ${alert.source}: ${alert.summary}`,
      });
    }
    case 'alertResolved': {
      const { source, fingerprint } = event.input as AlertResolved;
      d.alerts = resolveAlert(d.alerts, event.input as AlertResolved);
      const of = d.alerts.find((s) => s.alert.fingerprint === fingerprint);
      const summary = of?.alert.summary ?? `alert ${fingerprint}`;
      d.story.push({ is: 'alert', at: event.at, kind: 'resolved', source, summary, repeated: false });
      return;
    }
    default:
      d.missing.push(`signal ${event.name} is not known to this version`);
  }
}

interface Words {
  readonly by?: string;
  readonly reason?: string;
  readonly question?: string;
  readonly path?: string;
  readonly until?: number;
}

function said(d: CaseDraft, event: Of<'update'>): void {
  const { by = event.sender, reason = '', question, path, until } = (event.input ?? {}) as Words;
  const word = { by, reason };
  const about = { question: question ?? null, path: path ?? null };
  const message = person(d, event.at, event.name, by, reason, about, until ?? null);
  d.messages.set(event.id, message);
  if (event.name === 'approve' && question !== undefined)
    d.approvals.set(question.slice(question.indexOf('-') + 1), word);
  if (event.name === 'chooseRestorePoint' && path !== undefined) {
    const chosen = pointFromPath(path).path;
    d.choices.set(chosen, word);
    // To choose may be to agree that a run is stopped for it.
    const stops = expectedPlan(d)?.stops;
    if (stops !== undefined) d.approvals.set(stopConsent(stops, chosen), word);
  }
}

function person(
  d: CaseDraft,
  at: number,
  kind: string,
  by: string,
  reason: string,
  about: Pick<Message, 'question' | 'path'> = { question: null, path: null },
  until: number | null = null,
): Draft<Message> {
  const message: Draft<Message> = { is: 'message', at, kind, by, reason, ...about, refused: null };
  d.story.push(message);
  const text = `${by}, ${kind}: ${reason}`;
  const is = by === 'workflow cancel' ? 'workflow cancel' : 'person';
  if (kind === 'abort') d.abort = { by, reason };
  if (kind === 'release' || kind === 'abort') endHold(d, { is, at, text });
  if (kind === 'hold') beginHold(d, at, { by, reason, until });
  stir(d, { kind, is, at, text });
  return message;
}

interface Held extends Said {
  readonly until: number | null;
}

function beginHold(d: CaseDraft, at: number, { by, reason, until }: Held): void {
  d.hold = {
    is: 'wait',
    for: 'release',
    from: at,
    to: null,
    until,
    because: `${by} holds the case: ${reason}`,
    fault: null,
    question: null,
    steps: [],
    endedBy: null,
  };
  d.holdTimer = null;
  d.story.push(d.hold);
}

function endHold(d: CaseDraft, by: EndedBy): void {
  if (d.hold === null) return;
  Object.assign(d.hold, { to: by.at, endedBy: by });
  callOff(d.hold, by.at);
  d.hold = null;
  d.holdTimer = null;
  d.stimuli = d.stimuli.filter((s) => s.kind !== 'hold');
}

/** A standing hold that a look found holds the case, once. */
function honour(d: CaseDraft, at: number, standing: StandingHold | null | undefined): void {
  if (!standing || d.hold !== null || standing.until === d.honoured) return;
  d.honoured = standing.until;
  beginHold(d, at, standing);
}

/** What the workflow publishes when it asks, has given up, or has resumed. */
function published(d: CaseDraft, { at, fields }: Of<'memo'>): void {
  const because = isFault(fields['because']) ? fields['because'] : null;
  switch (fields['phase']) {
    case 'asking': {
      const question = (fields['question'] ?? null) as Question | null;
      const plan = expectedPlan(d);
      checkQuestion(d, plan?.digest ?? null, question);
      const text = because === null ? (question?.text ?? 'it asks') : faultText(because);
      const wait = turnInto(d, 'an answer', at, text, {
        fault: because,
        ...(question === null ? {} : { question }),
      });
      if (question !== null) {
        const { id, about, text: asked, approves, choices } = question;
        wait.question = { id, about, text: asked, approves, choices };
      }
      return;
    }
    case 'aborted':
      return aborted(d, at, because);
    case 'resumed':
    case 'resumed with a gap':
      showPause(d);
      closePass(d, at, { is: 'resumed', because: 'the restored run is healthy', fault: null });
      if (fields['restored']) d.restored = fields['restored'] as Restored;
      turnInto(d, 'the soak', at, 'the restored run is proved; the case stays open for a new alert');
      return;
    default:
      return;
  }
}

/** The question that was asked is the one that was decided: its id ends with the plan's digest. */
function checkQuestion(d: CaseDraft, digest: string | null, question: Question | null): void {
  const decision = currentDecision(d);
  if (decision === undefined || decision.taken !== 'open' || question === null) return;
  if (question.about === EXHAUSTED) {
    if (decision.do === 'fail') decision.taken = 'yes';
    else Object.assign(decision, { taken: 'overruled', instead: question.text });
    return;
  }
  if (digest !== null && question.id.endsWith(`-${digest}`)) decision.taken = 'yes';
  else Object.assign(decision, { taken: 'differs', instead: `the history shows question ${question.id}` });
}

function aborted(d: CaseDraft, at: number, because: Fault | null): void {
  const decision = currentDecision(d);
  const next = expectedNext(d);
  const why = because === null ? 'the history does not tell why' : faultText(because);
  if (decision?.taken === 'open') {
    if (next?.do === 'fail' || (next?.do === 'abort' && next.fault.code === because?.code))
      decision.taken = 'yes';
    else if (d.abort !== null || d.began?.stopped || isExhaustion(because))
      Object.assign(decision, { taken: 'overruled', instead: `the case was aborted: ${why}` });
    else Object.assign(decision, { taken: 'differs', instead: `the history shows an abort: ${why}` });
  }
  closePass(d, at, { is: 'aborted', because: why, fault: because });
  turnInto(d, 'a person, after the abort', at, why, { fault: because });
  d.abort = null;
  d.stimuli = d.stimuli.filter((s) => s.kind !== 'abort');
}

// ── Writing ─────────────────────────────────────────────────────────────────────────────────────────────────────

function written(d: CaseDraft): CaseFile {
  for (const { step } of d.steps.values())
    if (step.answer === 'none yet' && d.state.is !== 'open') step.found = 'the case was over first';
  const goesOn = d.executions.at(-1)?.how === 'continued as new';
  if (goesOn)
    d.missing.push(`execution ${d.state.goesOnAs ?? ''}, in which it goes on, is not in this history`);
  if (d.policy === null) {
    const fresh = d.state.is === 'open' && d.pass === null && d.lastPass === null;
    d.missing.push(
      fresh
        ? 'the case is not opened yet: no worker has taken it'
        : 'the policy is not told: no decision can be made again',
    );
  }
  return {
    format: CASE_FILE_FORMAT,
    job: d.job,
    cluster: d.cluster,
    opened: d.opened === null ? null : { ...d.opened, steps: d.opening },
    policy: d.policy,
    configDigest: d.configDigest,
    state: d.state.because === '' ? { ...d.state, because: doing(d) } : d.state,
    attempts: { failed: d.failed, granted: d.granted },
    left: (d.left as AbortLedger | null) ?? null,
    restored: d.restored,
    ladder: d.ladder,
    submissions: d.submissions,
    undo: d.undo,
    repairs: d.repairs,
    stops: d.stops,
    starts: d.starts,
    notices: d.notices,
    alerts: d.alerts,
    alertsHeard: d.alertsHeard,
    story: d.story,
    executions: d.executions,
    technical: d.technical,
    missing: d.missing,
    unknownEvents: d.unknownEvents,
  };
}

/** What an open case is doing now. */
function doing(d: CaseDraft): string {
  if (d.hold !== null) return d.hold.because;
  if (d.wait !== null) return `waits for ${d.wait.for}: ${d.wait.because}`;
  if (d.pass !== null) return `attempt ${d.pass.attempt}: ${currentDecision(d)?.what ?? 'at work'}`;
  return 'at work';
}

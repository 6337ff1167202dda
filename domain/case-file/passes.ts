/**
 * Passes: each decision made again by the function that made it, from what the pass began with and what its looks found,
 * and compared with what the history shows. Nothing here reads text that was written for people.
 */
import { exhausted } from '../attempts.js';
import { decide, decideFault, stillOpen } from '../decide.js';
import type { Began, Evidence } from '../evidence.js';
import type { Next } from '../next.js';
import type { Said } from '../desk.js';
import { fault, isFault, type Fault } from '../failure.js';
import { withAssessed, withRead, type Assessed, type ReadPoint } from '../look-ahead.js';
import { lateCallOf } from '../late-call.js';
import type { RestorePoint } from '../restore-point.js';
import { rungViews } from '../rung-views.js';
import type { CaseDraft, DecisionDraft, PassDraft } from './draft.js';
import { faultText } from './findings.js';
import { reasonFor } from './reasons.js';
import type { PassEnd } from './shape.js';
import { openWait } from './waits.js';

/** The steps that carry a decision out. */
const CARRIED_OUT_BY: Readonly<Record<Next['do'], readonly string[]>> = {
  assess: ['assessRun'],
  fetchPointer: ['fetchPointer'],
  readState: ['readState'],
  checkOffsets: ['checkOffsets'],
  restore: ['resumeOffsets', 'restoreJob', 'confirmRestored'],
  start: ['setStart', 'startJob', 'confirmRestored'],
  confirm: ['confirmRestored'],
  checkRepair: ['examineDeadEnd'],
  repair: ['requestRepair'],
  stop: ['stopRun'],
  await: ['awaitReturn'],
  watch: ['watchRun'],
  leave: [],
  fail: ['awaitReturn', 'watchRun'],
  ask: ['watchRun'],
  abort: ['watchRun'],
};

const NOT_TOLD = 'this history does not tell what was known, so it cannot be decided again';

/** A pass begins with its first look. */
export function beginPass(d: CaseDraft, at: number, began: Began | null): void {
  passOver(d);
  closePass(d, at, { is: 'again', because: 'it looked again', fault: null });
  d.stimuli = d.stimuli.filter((s) => s.kind !== 'chooseRestorePoint' && s.kind !== 'startFromNothing');
  d.began = began;
  const pass: PassDraft = {
    is: 'pass',
    attempt: began?.attempt ?? d.failed + 1,
    attempts: began === null ? d.granted : began.attempts,
    from: at,
    to: null,
    decisions: [],
    ladder: [],
    end: { is: 'at work', because: '', fault: null },
  };
  d.granted = pass.attempts;
  d.failed = Math.max(d.failed, pass.attempt - 1);
  d.pass = pass;
  d.story.push(pass);
  d.e = began === null || d.policy === null ? null : { ...began.known, policy: d.policy };
  decideAgain(d, at);
}

/** The last decision did not come to be: the next pass begins instead. */
function passOver(d: CaseDraft): void {
  const decision = currentDecision(d);
  if (decision === undefined || decision.taken !== 'open') return;
  const spoken = d.stimuli.find((s) => s.is === 'person' || s.is === 'workflow cancel');
  // A failed attempt whose wait somebody ended before it began.
  if (spoken !== undefined && decision.do === 'fail') decision.taken = 'yes';
  else if (spoken !== undefined) Object.assign(decision, { taken: 'overruled', instead: spoken.text });
  else Object.assign(decision, { taken: 'differs', instead: 'the history shows another look' });
}

/** A look of the pass has answered. */
export function learn(d: CaseDraft, at: number, step: string, input: unknown, result: unknown): void {
  if (d.e === null || d.pass === null) return;
  const { e } = d;
  const pathOf = () => (input as { readonly point: RestorePoint }).point.path;
  switch (step) {
    case 'assessRun': {
      const seen = withAssessed(e, result as Assessed);
      const open = stillOpen(e.openSubmission, seen.assessment, e.approved);
      const settled = open === null ? e.openSubmission : null;
      const late = e.lateCall ?? null;
      d.e = { ...seen, openSubmission: open, lateCall: settled === null ? late : lateCallOf(settled, late) };
      break;
    }
    case 'fetchPointer':
      d.e = { ...e, pointers: result as Evidence['pointers'] };
      break;
    case 'readState':
      d.e = withRead(e, (input as { readonly point: RestorePoint }).point, result as ReadPoint);
      break;
    case 'checkOffsets':
      d.e = { ...e, offsets: { ...e.offsets, [pathOf()]: result as Evidence['offsets'][string] } };
      break;
    case 'examineDeadEnd':
      d.e = { ...e, repair: result as Evidence['repair'] };
      break;
    default:
      return;
  }
  d.lastEvidence = d.e;
  d.pass.ladder = rungViews(d.e);
  if (d.pass.ladder.length > 0) d.ladder = d.pass.ladder;
  decideAgain(d, at);
}

/** What the workflow decided at this moment. */
function decideAgain(d: CaseDraft, at: number): void {
  if (d.e === null || d.pass === null) return;
  const next = decide(d.e);
  decided(d, at, next);
}

/** A step of the pass failed, and the fault decides. */
export function stepLost(d: CaseDraft, at: number, because: Fault): void {
  if (d.pass !== null) decided(d, at, decideFault(because));
}

function decided(d: CaseDraft, at: number, next: Next): void {
  const { pass, e } = d;
  if (pass === null) return;
  const words = e === null ? wordsWithoutEvidence(next) : reasonFor(next, e);
  const decision: DecisionDraft = {
    at,
    do: next.do,
    ...words,
    consent: e === null ? [] : consentTo(d, next, e),
    taken: 'open',
    instead: null,
    steps: [],
  };
  expected.set(decision, next);
  pass.decisions.push(decision);
  const forbidden = mayNot(d, next);
  if (forbidden === null) return settle(d, at, next);
  Object.assign(decision, { taken: 'overruled', instead: `nothing is tried: ${forbidden}` });
  closePass(d, at, { is: 'aborted', because: forbidden, fault: d.began?.stopped ?? null });
}

/** Why the case may not do this now: it was stopped, or its attempts are spent. Null: it may. */
function mayNot({ began, e }: CaseDraft, next: Next): string | null {
  if (began === null) return null;
  const { stopped, attempt, attempts, known } = began;
  const waits = next.do === 'await' && next.because.code === 'NotProvedDead';
  const submits = next.do === 'restore' || next.do === 'start' || waits;
  if (stopped !== null && (submits || next.do === 'stop' || (next.do === 'ask' && e?.pointers)))
    return `the case was stopped before: ${faultText(stopped)}`;
  if (submits && known.lastPass !== true && exhausted(attempt - 1, attempts))
    return `all ${attempts} attempts are spent`;
  return null;
}

const wordsWithoutEvidence = (next: Next) => ({
  what: next.do,
  because: 'fault' in next ? faultText(next.fault) : NOT_TOLD,
});

/** The decision behind a draft, for comparing with what the history shows. */
const expected = new WeakMap<DecisionDraft, Next>();

/** A decision that ends the pass: what it waits for begins. */
function settle(d: CaseDraft, at: number, next: Next): void {
  switch (next.do) {
    case 'fail':
      return failPass(d, at, next.fault);
    case 'ask': {
      const { plan } = next;
      closePass(d, at, { is: 'asks', because: plan.about, fault: plan.because });
      const { about, text, approves, choices } = plan;
      openWait(d, 'an answer', at, faultText(plan.because), {
        fault: plan.because,
        question: { id: null, about, text, approves, choices },
      });
      return;
    }
    case 'await':
      closePass(d, at, { is: 'waits', because: faultText(next.because), fault: next.because });
      openWait(d, 'a dependency', at, faultText(next.because), { fault: next.because });
      return;
    case 'watch':
      closePass(d, at, { is: 'waits', because: next.because, fault: null });
      openWait(d, 'Flink', at, next.because);
      return;
    case 'abort':
      closePass(d, at, { is: 'aborted', because: faultText(next.fault), fault: next.fault });
      return;
    case 'leave':
      closePass(d, at, { is: 'left', because: next.because, fault: null });
      return;
    default:
      // The pass goes on.
      return;
  }
}

/** The attempt failed: it counts, unless the case was aborted before and only looked. */
export function failPass(d: CaseDraft, at: number, because: Fault): void {
  const { pass, began } = d;
  if (pass === null) return;
  if (began?.stopped) {
    closePass(d, at, {
      is: 'aborted',
      because: `aborted before: ${faultText(began.stopped)}`,
      fault: because,
    });
    return;
  }
  closePass(d, at, { is: 'failed', because: faultText(because), fault: because });
  // The pass after the last attempt, and looks where nothing may be tried, count as none.
  if (began?.known.lastPass === true || pass.attempts === 0) return;
  d.failed = Math.max(d.failed, pass.attempt);
  if (d.policy?.onExhausted === 'savepoint' && exhausted(d.failed, pass.attempts))
    return void openWait(d, 'usable storage', at, faultText(because), { fault: because });
  openWait(d, 'the next attempt', at, faultText(because), { fault: because });
}

/** Ends the pass at work, if there is one. */
export function closePass(d: CaseDraft, at: number, end: PassEnd): void {
  if (d.pass === null) return;
  d.pass.end = end;
  d.pass.to = at;
  d.lastPass = d.pass;
  d.pass = null;
}

/** The decision that waits for the history to show it: the last one of the last pass. */
export const currentDecision = (d: CaseDraft): DecisionDraft | undefined =>
  (d.pass ?? d.lastPass)?.decisions.at(-1);

/** The history shows a step: is it the one that was decided? */
export function showStep(d: CaseDraft, at: number, step: string, input: unknown): DecisionDraft | undefined {
  const { pass } = d;
  if (pass === null) return undefined;
  const known = currentDecision(d);
  if (known === undefined || d.e === null) {
    const decision = untold(step, at);
    pass.decisions.push(decision);
    return decision;
  }
  const next = expected.get(known);
  if (next === undefined) return known;
  const right = CARRIED_OUT_BY[next.do].includes(step) && samePoint(next, step, input);
  if (right && known.taken === 'open') known.taken = 'yes';
  if (!right) {
    known.taken = 'differs';
    known.instead = `the history shows ${step}${pathIn(input)}`;
  }
  return known;
}

/** A decision of which only the step is known. */
function untold(step: string, at: number): DecisionDraft {
  const found = (Object.keys(CARRIED_OUT_BY) as Next['do'][]).find((k) => CARRIED_OUT_BY[k].includes(step));
  return {
    at,
    do: found ?? 'assess',
    what: `step ${step}`,
    because: NOT_TOLD,
    consent: [],
    taken: 'yes',
    instead: null,
    steps: [],
  };
}

function samePoint(next: Next, step: string, input: unknown): boolean {
  const { point } = (input ?? {}) as { readonly point?: RestorePoint | string };
  const shown = typeof point === 'string' ? point : point?.path;
  switch (next.do) {
    case 'readState':
    case 'checkOffsets':
      return shown === next.point.path;
    case 'restore':
      // What is proved is what Flink took: an earlier submission in doubt may have named another point.
      return step === 'confirmRestored' || shown === next.point.path;
    case 'confirm':
      return shown === next.point;
    default:
      return true;
  }
}

function pathIn(input: unknown): string {
  const { point } = (input ?? {}) as { readonly point?: RestorePoint | string };
  if (point === undefined) return '';
  return ` of ${typeof point === 'string' ? point : point.path}`;
}

/** The history shows that the last decision came true, by a timer, a memo or an end. */
export function showPause(d: CaseDraft): void {
  const decision = currentDecision(d);
  if (decision?.taken === 'open') decision.taken = 'yes';
}

/** The plan that was decided to be asked about; null: something else was decided. */
export function expectedPlan(d: CaseDraft): Extract<Next, { do: 'ask' }>['plan'] | null {
  const decision = currentDecision(d);
  const next = decision === undefined ? undefined : expected.get(decision);
  return next?.do === 'ask' ? next.plan : null;
}

export function expectedNext(d: CaseDraft): Next | undefined {
  const decision = currentDecision(d);
  return decision === undefined ? undefined : expected.get(decision);
}

/** Whose word a decision rests on: without it, the same evidence leads elsewhere. */
function consentTo(d: CaseDraft, next: Next, e: Evidence): readonly (Said & { readonly to: string })[] {
  const found: (Said & { readonly to: string })[] = [];
  for (const digest of e.approved) {
    const without = decide({ ...e, approved: e.approved.filter((x) => x !== digest) });
    if (JSON.stringify(without) === JSON.stringify(next)) continue;
    const to = without.do === 'ask' ? (without.plan.approves ?? without.plan.about) : `plan ${digest}`;
    found.push({ ...(d.approvals.get(digest) ?? UNTOLD), to });
  }
  if (e.chosen !== null && POINTED.has(next.do))
    found.push({ ...(d.choices.get(e.chosen.path) ?? UNTOLD), to: `take ${e.chosen.path}` });
  return found;
}

const UNTOLD: Said = { by: 'not told', reason: 'it was said before this history begins' };
const POINTED = new Set<Next['do']>(['readState', 'checkOffsets', 'restore']);

/** The fault behind a failed step, as the workflow takes it. */
export const faultOfStep = (
  step: string,
  details: readonly unknown[],
  type: string,
  message: string,
): Fault => {
  const [detail] = details;
  if (isFault(detail)) return detail;
  return fault(
    'Unclassified',
    type === 'TIMEOUT' ? `${step} did not finish in time: ${message}` : `${step}: ${message}`,
  );
};

/** The case file while it is being written: one place for what the fold knows so far. Nothing of it outlives the fold. */
import type { SeenAlert } from '../alert.js';
import type { Restored, RungView } from '../case.js';
import type { Began, Evidence } from '../evidence.js';
import type { Said } from '../desk.js';
import type { Policy } from '../policy.js';
import type { Repair } from '../repair.js';
import type { ClusterStart } from '../start-cluster.js';
import type { Stop } from '../stop.js';
import type {
  CaseState,
  Decision,
  EndedBy,
  Entry,
  Execution,
  Opening,
  Pass,
  Step,
  Submission,
  Told,
  Undo,
  Wait,
} from './shape.js';

export type Draft<T> = { -readonly [K in keyof T]: T[K] };
/** A draft whose list is written to. */
type Growing<T, K extends keyof T, Item> = Omit<Draft<T>, K> & { readonly [P in K]: Item[] };

export type DecisionDraft = Growing<Decision, 'steps', Draft<Step>>;
export type PassDraft = Growing<Pass, 'decisions', DecisionDraft>;
export type WaitDraft = Growing<Wait, 'steps', Draft<Step>>;

/** A step that has been scheduled, with everything its answer needs. */
export interface OpenStep {
  readonly step: Draft<Step>;
  readonly input: unknown;
  readonly wait: WaitDraft | null;
  readonly notice: Draft<Told> | null;
}

/** Something that was said or happened, and may end a wait. */
export interface Stimulus extends EndedBy {
  /** Of a message: its kind. Of anything else: what it is. */
  readonly kind: string;
}

export interface CaseDraft {
  job: string | null;
  cluster: string | null;
  opened: Omit<Opening, 'steps'> | null;
  readonly opening: Draft<Step>[];
  policy: Policy | null;
  configDigest: string | null;
  state: CaseState;
  failed: number;
  granted: number | null;
  left: unknown;
  restored: Restored | null;
  ladder: readonly RungView[];
  readonly submissions: Draft<Submission>[];
  readonly undo: Undo[];
  readonly repairs: Repair[];
  readonly stops: Stop[];
  readonly starts: ClusterStart[];
  readonly notices: Draft<Told>[];
  alerts: readonly SeenAlert[];
  alertsHeard: number;
  readonly story: Entry[];
  readonly executions: Draft<Execution>[];
  readonly technical: { at: number; what: string }[];
  readonly missing: string[];
  readonly unknownEvents: Record<string, number>;

  /** The pass at work; null between passes. */
  pass: PassDraft | null;
  lastPass: PassDraft | null;
  began: Began | null;
  /** What the pass knows; null: the history does not tell what it began with. */
  e: Evidence | null;
  /** The last pass's evidence: what an abort leaves behind. */
  lastEvidence: Evidence | null;
  /** The wait at hand; null while a pass is at work. */
  wait: WaitDraft | null;
  /** The timer that bounds the wait. */
  timer: string | null;
  hold: WaitDraft | null;
  /** The timer that ends the hold. */
  holdTimer: string | null;
  /** Until when the standing hold lasts that was honoured last; each is honoured once. */
  honoured: number;
  /** What may end the wait at hand, in order. */
  stimuli: Stimulus[];
  /** Steps by the number of the event that scheduled them, in this execution. */
  steps: Map<number, OpenStep>;
  /** Messages by the number of their event, in this execution. */
  messages: Map<number, { refused: string | null }>;
  /** Who approved which plan, by digest. */
  readonly approvals: Map<string, Said>;
  /** Who chose which point, by path. */
  readonly choices: Map<string, Said>;
  /** An abort that was heard and has not been acted on. */
  abort: Said | null;
}

export const newDraft = (): CaseDraft => ({
  job: null,
  cluster: null,
  opened: null,
  policy: null,
  configDigest: null,
  state: { is: 'open', at: null, outcome: null, because: '', goesOnAs: null },
  failed: 0,
  granted: null,
  left: null,
  restored: null,
  ladder: [],
  submissions: [],
  undo: [],
  repairs: [],
  stops: [],
  starts: [],
  notices: [],
  opening: [],
  alerts: [],
  alertsHeard: 0,
  story: [],
  executions: [],
  technical: [],
  missing: [],
  unknownEvents: {},
  pass: null,
  lastPass: null,
  began: null,
  e: null,
  lastEvidence: null,
  wait: null,
  timer: null,
  hold: null,
  holdTimer: null,
  honoured: 0,
  stimuli: [],
  steps: new Map(),
  messages: new Map(),
  approvals: new Map(),
  choices: new Map(),
  abort: null,
});

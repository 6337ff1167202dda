/** From Temporal's history to {@link HistoryEvent}s. Never throws: what cannot be decoded says so in its place. */
import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js';
import type { History } from '@temporalio/common/lib/proto-utils.js';
import type { ExecutionHistory, HistoryEvent, RecordedFailure } from '../domain/case-file/history.js';

export type { History } from '@temporalio/common/lib/proto-utils.js';

type RawEvent = NonNullable<History['events']>[number];
type RawFailure = NonNullable<NonNullable<RawEvent['activityTaskFailedEventAttributes']>['failure']>;
type RawPayloads = { readonly payloads?: readonly Payload[] | null } | null | undefined;

/** Events that tell people nothing: the server's way of handing work to workers. */
const BOOKKEEPING = new Set([
  'workflowTaskScheduled',
  'workflowTaskStarted',
  'workflowTaskCompleted',
  'activityTaskCancelRequested',
  'timerCanceled',
  'markerRecorded',
  'upsertWorkflowSearchAttributes',
  'workflowExecutionUpdateAdmitted',
  'workflowExecutionOptionsUpdated',
]);

/** The marker with which a worker records a step that it did within a workflow task. */
const LOCAL_STEP = 'core_local_activity';

/** @param history as the SDK fetches it, or as the JSON that the SDK, the Temporal UI and its CLI write. */
export function decodeHistory(history: unknown): ExecutionHistory {
  return eventsOf(history).map(decodeEvent);
}

/** JSON spells out event types and encodes bytes; what the SDK fetched has numbers and bytes. */
function eventsOf(history: unknown): readonly RawEvent[] {
  if (typeof history !== 'object' || history === null || !('events' in history)) return [];
  const { events } = history;
  if (!Array.isArray(events)) return [];
  const [first] = events as readonly { readonly eventType?: unknown }[];
  if (typeof first?.eventType !== 'string') return events as readonly RawEvent[];
  return events.flatMap((event: unknown, i): readonly RawEvent[] => {
    try {
      return historyFromJSON({ events: [event] }).events ?? [];
    } catch {
      // Of another server's version: kept in its place, under its name.
      const { eventType } = event as { readonly eventType?: unknown };
      return [{ eventId: i + 1, unreadable: String(eventType) } as unknown as RawEvent];
    }
  });
}

function decodeEvent(raw: RawEvent | null, index: number): HistoryEvent {
  if (raw === null || typeof raw !== 'object')
    return { id: index + 1, at: 0, is: 'unknown', type: 'nothing' };
  const id = Number(raw.eventId ?? index + 1);
  let at = 0;
  try {
    at = msOf(raw.eventTime);
    return { id, at, ...contentOf(raw) };
  } catch {
    return { id, at, is: 'unknown', type: nameOf(raw) };
  }
}

type Content = HistoryEvent extends infer E ? (E extends unknown ? Omit<E, 'id' | 'at'> : never) : never;

function contentOf(e: RawEvent): Content {
  if (e.workflowExecutionStartedEventAttributes) {
    const a = e.workflowExecutionStartedEventAttributes;
    return {
      is: 'started',
      workflow: a.workflowType?.name ?? '',
      runId: a.originalExecutionRunId ?? '',
      firstRunId: a.firstExecutionRunId ?? '',
      continues: a.continuedExecutionRunId || null,
      input: first(a.input),
      startedBy: a.identity ?? '',
    };
  }
  if (e.activityTaskScheduledEventAttributes) {
    const a = e.activityTaskScheduledEventAttributes;
    return {
      is: 'step scheduled',
      step: a.activityType?.name ?? '',
      input: first(a.input),
      summary: summaryOf(e),
    };
  }
  if (e.activityTaskStartedEventAttributes) {
    const a = e.activityTaskStartedEventAttributes;
    return {
      is: 'step started',
      scheduled: Number(a.scheduledEventId ?? 0),
      try: a.attempt ?? 1,
      worker: a.identity ?? '',
      lastFailure: a.lastFailure ? failureOf(a.lastFailure).message : null,
    };
  }
  if (e.activityTaskCompletedEventAttributes) {
    const a = e.activityTaskCompletedEventAttributes;
    return { is: 'step completed', scheduled: Number(a.scheduledEventId ?? 0), result: first(a.result) };
  }
  if (e.activityTaskFailedEventAttributes ?? e.activityTaskTimedOutEventAttributes) {
    const a = e.activityTaskFailedEventAttributes ?? e.activityTaskTimedOutEventAttributes;
    return { is: 'step failed', scheduled: Number(a?.scheduledEventId ?? 0), failure: failureOf(a?.failure) };
  }
  if (e.activityTaskCanceledEventAttributes)
    return {
      is: 'step cancelled',
      scheduled: Number(e.activityTaskCanceledEventAttributes.scheduledEventId ?? 0),
    };
  if (e.markerRecordedEventAttributes?.markerName === LOCAL_STEP) {
    const { details, failure } = e.markerRecordedEventAttributes;
    const told = (first(details?.['data']) ?? {}) as {
      readonly activity_type?: string;
      readonly attempt?: number;
    };
    return {
      is: 'local step',
      step: told.activity_type ?? '',
      try: told.attempt ?? 1,
      result: first(details?.['result']),
      failure: failure ? failureOf(failure) : null,
    };
  }
  if (e.timerStartedEventAttributes) {
    const a = e.timerStartedEventAttributes;
    return {
      is: 'timer started',
      timer: a.timerId ?? '',
      ms: msOf(a.startToFireTimeout),
      summary: summaryOf(e),
    };
  }
  if (e.timerFiredEventAttributes)
    return { is: 'timer fired', timer: e.timerFiredEventAttributes.timerId ?? '' };
  if (e.workflowExecutionSignaledEventAttributes) {
    const a = e.workflowExecutionSignaledEventAttributes;
    return { is: 'signal', name: a.signalName ?? '', input: first(a.input), sender: a.identity ?? '' };
  }
  if (e.workflowExecutionUpdateAcceptedEventAttributes) {
    const request = e.workflowExecutionUpdateAcceptedEventAttributes.acceptedRequest;
    return {
      is: 'update',
      name: request?.input?.name ?? '',
      input: first(request?.input?.args),
      sender: request?.meta?.identity ?? '',
    };
  }
  if (e.workflowExecutionUpdateCompletedEventAttributes) {
    const a = e.workflowExecutionUpdateCompletedEventAttributes;
    return {
      is: 'update answered',
      accepted: Number(a.acceptedEventId ?? 0),
      failure: a.outcome?.failure ? failureOf(a.outcome.failure) : null,
    };
  }
  if (e.workflowExecutionCancelRequestedEventAttributes) {
    const a = e.workflowExecutionCancelRequestedEventAttributes;
    return { is: 'cancel asked', sender: a.identity ?? '', cause: a.cause ?? '' };
  }
  if (e.workflowPropertiesModifiedEventAttributes) {
    const fields = e.workflowPropertiesModifiedEventAttributes.upsertedMemo?.fields ?? {};
    return {
      is: 'memo',
      fields: Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, plain(value)])),
    };
  }
  if (e.workflowTaskFailedEventAttributes) {
    const { failure } = e.workflowTaskFailedEventAttributes;
    return { is: 'task lost', because: failure ? failureOf(failure).message : 'the worker refused it' };
  }
  if (e.workflowTaskTimedOutEventAttributes)
    return { is: 'task lost', because: 'no worker answered in time' };
  return endOf(e) ?? bookkeepingOrUnknown(e);
}

function endOf(e: RawEvent): Content | null {
  const ended = (
    how: Extract<Content, { is: 'ended' }>['how'],
    more: Partial<Extract<Content, { is: 'ended' }>> = {},
  ): Content => ({ is: 'ended', how, result: null, failure: null, continuedBy: null, ...more });
  if (e.workflowExecutionCompletedEventAttributes)
    return ended('completed', { result: first(e.workflowExecutionCompletedEventAttributes.result) });
  if (e.workflowExecutionFailedEventAttributes)
    return ended('failed', { failure: failureOf(e.workflowExecutionFailedEventAttributes.failure) });
  if (e.workflowExecutionContinuedAsNewEventAttributes) {
    const { newExecutionRunId } = e.workflowExecutionContinuedAsNewEventAttributes;
    return ended('continued as new', { continuedBy: newExecutionRunId || null });
  }
  if (e.workflowExecutionCanceledEventAttributes) return ended('cancelled');
  if (e.workflowExecutionTimedOutEventAttributes) return ended('timed out');
  if (e.workflowExecutionTerminatedEventAttributes) {
    const { reason, identity } = e.workflowExecutionTerminatedEventAttributes;
    const message = `${identity || 'somebody'}${reason ? `: ${reason}` : ''}`;
    return ended('terminated', { failure: { type: 'Terminated', message, details: [] } });
  }
  return null;
}

function bookkeepingOrUnknown(e: RawEvent): Content {
  const type = nameOf(e);
  return BOOKKEEPING.has(type) ? { is: 'bookkeeping' } : { is: 'unknown', type };
}

/** The name of an event is that of its attributes. */
function nameOf(e: RawEvent): string {
  const attributes = Object.entries(e).find(([key, value]) => key.endsWith('EventAttributes') && value);
  if (attributes !== undefined) return attributes[0].slice(0, -'EventAttributes'.length);
  const { unreadable } = e as { readonly unreadable?: string };
  return unreadable ?? `event type ${e.eventType ?? 'unknown'}`;
}

/** Milliseconds; seconds are a Long from the server and a number from JSON. */
const msOf = (
  of: { readonly seconds?: unknown; readonly nanos?: number | null } | null | undefined,
): number => Number(of?.seconds ?? 0) * 1000 + Math.floor((of?.nanos ?? 0) / 1e6);

const first = (payloads: RawPayloads): unknown => plain(payloads?.payloads?.[0]);

/** A value, or what keeps it from being read: an encrypted payload, for example. */
function plain(payload: Payload | null | undefined): unknown {
  if (payload === null || payload === undefined) return undefined;
  try {
    return defaultPayloadConverter.fromPayload(payload);
  } catch {
    const encoding = payload.metadata?.['encoding'];
    return { unreadable: encoding ? Buffer.from(encoding).toString() : 'a payload without encoding' };
  }
}

function summaryOf(e: RawEvent): string | null {
  const summary = plain(e.userMetadata?.summary);
  return typeof summary === 'string' ? summary : null;
}

/** The innermost cause: the outer ones only say that a step failed. */
function failureOf(raw: RawFailure | null | undefined): RecordedFailure {
  const failure = raw?.cause ?? raw;
  if (!failure) return { type: 'unknown', message: 'the history does not say why', details: [] };
  if (failure.cause) return failureOf(failure);
  const { applicationFailureInfo: application, timeoutFailureInfo, canceledFailureInfo } = failure;
  const details = (application?.details?.payloads ?? []).map(plain);
  const type =
    application?.type ?? (timeoutFailureInfo ? 'TIMEOUT' : canceledFailureInfo ? 'CANCELLED' : 'unknown');
  return { type: type || 'unknown', message: failure.message ?? '', details };
}

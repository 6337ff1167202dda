import proto from '@temporalio/proto';
import { expect, test } from 'vitest';
import { eventKinds } from './event-lines.js';

const { EventType } = proto.temporal.api.enums.v1;
const marker = {
  eventType: EventType.EVENT_TYPE_MARKER_RECORDED,
  markerRecordedEventAttributes: { markerName: 'core_local_activity' },
};
const signal = {
  eventType: EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED,
  workflowExecutionSignaledEventAttributes: { signalName: 'alertRaised' },
};
const timer = {
  eventType: EventType.EVENT_TYPE_TIMER_STARTED,
  timerStartedEventAttributes: { timerId: '1' },
};
const scheduled = {
  eventType: EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED,
  workflowTaskScheduledEventAttributes: {},
};
const started = {
  eventType: EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED,
  workflowTaskStartedEventAttributes: {},
};
const completed = {
  eventType: EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
  workflowTaskCompletedEventAttributes: {},
};
const failed = {
  eventType: EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED,
  workflowTaskFailedEventAttributes: {},
};
const kinds = (...events: object[]) => eventKinds({ events });
const task = [scheduled, started, completed];

test('a workflow task that a query costs beside a local activity is not compared; every other one is', () => {
  expect(kinds(...task, marker, ...task, timer)).toEqual(kinds(...task, marker, timer));
  expect(kinds(...task, ...task, marker, timer)).toEqual(kinds(...task, marker, timer));
  expect(kinds(...task, marker, timer)).toHaveLength(5);
  expect(kinds(marker, signal, ...task, timer)).toHaveLength(6);
  expect(kinds(marker, timer, ...task)).toHaveLength(5);
  expect(kinds(marker, scheduled, started, failed)).toHaveLength(4);
});

/** Bodies as the senders document them, shortened to what matters. */

export const alertmanager = {
  version: '4',
  groupKey: '{}:{alertname="FlinkJobDown"}',
  truncatedAlerts: 0,
  status: 'firing',
  receiver: 'holdfast',
  groupLabels: { alertname: 'FlinkJobDown' },
  commonLabels: { alertname: 'FlinkJobDown', severity: 'page' },
  commonAnnotations: {},
  externalURL: 'http://alertmanager:9093',
  alerts: [
    {
      status: 'firing',
      labels: {
        alertname: 'FlinkJobDown',
        severity: 'page',
        cluster: 'counts',
        job: 'flink',
        job_name: 'window_counts',
        job_id: '0123456789abcdef0123456789abcdef',
        internal_token: 'must not travel',
      },
      annotations: { summary: 'window counts is not running', runbook: 'http://wiki/flink' },
      startsAt: '2026-11-23T05:40:00.000Z',
      endsAt: '0001-01-01T00:00:00Z',
      generatorURL: 'http://prometheus:9090/graph?g0.expr=x',
      fingerprint: 'c5a3d7f0b1e2a4c6',
    },
  ],
};

export const grafana = {
  receiver: 'holdfast',
  status: 'firing',
  orgId: 1,
  alerts: [
    {
      status: 'firing',
      labels: {
        alertname: 'Flink job down',
        grafana_folder: 'flink',
        cluster: 'counts',
        job_name: 'window counts',
      },
      annotations: { description: 'no running tasks for 1 m' },
      startsAt: '2026-11-23T05:41:00Z',
      endsAt: '0001-01-01T00:00:00Z',
      generatorURL: 'http://grafana:3000/alerting/grafana/abc/view',
      panelURL: 'http://grafana:3000/d/flink?viewPanel=2',
      fingerprint: 'a0b1c2d3e4f50617',
      values: { A: 0 },
    },
  ],
  groupLabels: {},
  commonLabels: {},
  commonAnnotations: {},
  externalURL: 'http://grafana:3000/',
  version: '1',
  title: '[FIRING:1] Flink job down',
  state: 'alerting',
};

export const pagerduty = {
  event: {
    id: '01CPK3',
    event_type: 'incident.triggered',
    resource_type: 'incident',
    occurred_at: '2026-11-23T05:42:00.000Z',
    agent: null,
    client: null,
    data: {
      id: 'Q2LAR4',
      type: 'incident',
      self: 'https://api.pagerduty.com/incidents/Q2LAR4',
      html_url: 'https://acme.pagerduty.com/incidents/Q2LAR4',
      number: 2,
      status: 'triggered',
      incident_key: 'counts/window-counts',
      created_at: '2026-11-23T05:41:59Z',
      title: 'window counts lost its state',
      service: { id: 'PF9', type: 'service_reference', summary: 'counting' },
      urgency: 'high',
    },
  },
};

export const cloudevent = {
  specversion: '1.0',
  id: '9f2c',
  source: '/flink/counts',
  type: 'org.example.flink.job.failed',
  subject: 'window counts',
  time: '2026-11-23T05:43:00Z',
  datacontenttype: 'application/json',
  data: { job_name: 'window counts', cluster: 'counts', message: 'the job is FAILED' },
};

export interface KafkaPorts {
  readonly client: number;
  readonly controller: number;
}

/** One broker that is its own controller (KRaft). */
export function kafkaProperties({ client, controller }: KafkaPorts, dataDir: string): string {
  return `${[
    'process.roles=broker,controller',
    'node.id=1',
    `controller.quorum.voters=1@127.0.0.1:${controller}`,
    `listeners=PLAINTEXT://127.0.0.1:${client},CONTROLLER://127.0.0.1:${controller}`,
    `advertised.listeners=PLAINTEXT://127.0.0.1:${client}`,
    'controller.listener.names=CONTROLLER',
    'inter.broker.listener.name=PLAINTEXT',
    'listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    `log.dirs=${dataDir}`,
    'num.partitions=2',
    'offsets.topic.replication.factor=1',
    'offsets.topic.num.partitions=4',
    'transaction.state.log.replication.factor=1',
    'transaction.state.log.min.isr=1',
    'transaction.state.log.num.partitions=4',
    'share.coordinator.state.topic.replication.factor=1',
    'share.coordinator.state.topic.min.isr=1',
    'group.initial.rebalance.delay.ms=0',
    'num.network.threads=2',
    'num.io.threads=2',
    'log.cleaner.dedupe.buffer.size=4194304',
    'auto.create.topics.enable=false',
    // A killed broker may come back as soon as its old session has ended: after 4 s instead of 9.
    'broker.session.timeout.ms=4000',
    'broker.heartbeat.interval.ms=1000',
    // Flink's sink writes the event time as record timestamp: a finite retention would delete old event times at once.
    'log.retention.ms=-1',
  ].join('\n')}\n`;
}

/** Log4j 2, used by Kafka and Flink: one file. */
export const log4j2 = (file: string): string => `<Configuration status="WARN">
  <Appenders>
    <File name="F" fileName="${file}"><PatternLayout pattern="%d{ISO8601} %-5p %c{1} - %m%n"/></File>
  </Appenders>
  <Loggers><Root level="INFO"><AppenderRef ref="F"/></Root></Loggers>
</Configuration>
`;

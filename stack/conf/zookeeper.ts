export interface ZooKeeperMember {
  readonly id: number;
  readonly clientPort: number;
  readonly peerPort: number;
  readonly electionPort: number;
}

/** `zoo.cfg` of one member; an ensemble when there is more than one. */
export function zooCfg(member: ZooKeeperMember, all: readonly ZooKeeperMember[], dataDir: string): string {
  const lines = [
    'tickTime=1000',
    'initLimit=10',
    'syncLimit=5',
    `dataDir=${dataDir}`,
    `clientPort=${member.clientPort}`,
    'clientPortAddress=127.0.0.1',
    'maxClientCnxns=0',
    'admin.enableServer=false',
    '4lw.commands.whitelist=*',
    'autopurge.purgeInterval=0',
  ];
  if (all.length > 1)
    lines.push(
      ...all.map(({ id, peerPort, electionPort }) => `server.${id}=127.0.0.1:${peerPort}:${electionPort}`),
    );
  return `${lines.join('\n')}\n`;
}

export const zooKeeperLogback = (file: string): string => `<configuration>
  <appender name="F" class="ch.qos.logback.core.FileAppender">
    <file>${file}</file>
    <encoder><pattern>%d{ISO8601} %-5p %c{1} - %m%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="F"/></root>
</configuration>
`;

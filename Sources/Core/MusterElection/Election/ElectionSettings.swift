extension Election {
    /// All times follow from the heartbeat.
    package struct Settings: Hashable, Sendable {
        /// Between two heartbeats of the leader. From `--heartbeat-ms`, whose default this is. The driver ticks four times in it.
        package var heartbeat: Duration = .milliseconds(100)

        package init(heartbeat: Duration = .milliseconds(100)) { self.heartbeat = heartbeat }

        package var tick: Duration { heartbeat / 4 }
        /// A leader that is silent for so long is lost. A follower that is, is no more told to be alive.
        package var silence: Duration { heartbeat * 8 }
        /// A longer gap since the last tick means that this process itself was frozen.
        package var pauseGap: Duration { heartbeat * 4 }
        /// Whoever is asked and neither answers nor is unreachable before so long counts as dead.
        package var answerWait: Duration { heartbeat * 2 }
        /// Whoever was answered expects a leader within so long, else asks again.
        package var leaderWait: Duration { heartbeat * 8 }
        /// A term that is not durable within so long is given up.
        package var storeWait: Duration { heartbeat * 16 }
        /// A leader heard within so long is not doubted because others have lost it.
        package var fresh: Duration { heartbeat * 2 }
        /// How long a leader listens after it was frozen, before it runs again.
        package var listen: Duration { heartbeat }
        /// The longest wait between elections that lead nowhere.
        package var backoffMax: Duration { heartbeat * 16 }
        /// Elections that led nowhere are forgotten after so long without another.
        package var calm: Duration { backoffMax * 3 }

        /// How long a survivor waits for those above it, of whom it knows so many to live. The first of them needs the time to
        /// take the dead leader for dead and to store its term, before anybody else moves.
        package func turn(behind higher: Int) -> Duration {
            higher == 0 ? .zero : answerWait + heartbeat + heartbeat * min(higher, 64)
        }

        /// How long to wait after so many elections in succession that led nowhere: the first is repeated at once.
        package func backoff(after failures: Int) -> Duration {
            failures <= 1 ? .zero : min(heartbeat * (1 << min(failures - 2, 10)), backoffMax)
        }
    }
}

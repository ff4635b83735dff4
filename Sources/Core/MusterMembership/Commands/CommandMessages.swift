package import MusterCore

/// What the driver of `Commands` tells it, and what it wants done.
extension Commands {
    package struct Settings: Sendable {
        /// Commands that may wait for one member; for those beyond it is passed over.
        package var queueMax = 4_096
        /// Bytes of text, and commands, on their way to one member before it has acknowledged any of them.
        package var windowBytes = 64 << 10
        package var windowCount = 1_024
        /// Commands with recipients that neither have them nor are gone; more are refused.
        package var openMax = 10_000

        package init() {}
    }

    package enum Event: Sendable {
        /// Open ones from the store, in the order of ids, once all members are restored.
        indirect case restored(CommandRecord)
        /// How far members were by an earlier coordinator's word. Before the commands.
        case restoredProgress(CommandProgress)
        /// In the order of ids; what became durable together goes out together.
        case sent([CommandRecord])
        /// It can be reached; `seen` is the last command that it says to have.
        case connected(MemberID, seen: CommandID)
        case disconnected(MemberID)
        /// It has all that went to it up to this one.
        case acknowledged(MemberID, through: CommandID)
        /// Its callback does not want this one, the first of those on their way.
        case refused(MemberID, CommandID)
        case removed(MemberID)
        /// It is durable.
        case saved(CommandProgress)
        /// The store did not take it.
        case notSaved(CommandProgress)
    }

    package enum Effect: Hashable, Sendable {
        /// To be written to the member's connection, in this order.
        case deliver(MemberID, [CommandID])
        /// To be made durable in the group of the member's removal.
        case save(CommandProgress)
        /// Every recipient has it or never will.
        case ended(CommandID, createdMs: WallClockMs, exceptions: [MemberID: CommandOutcome])
    }

    /// Sums since the coordinator's start.
    package struct Counters: Hashable, Sendable {
        package var sent = 0
        package var delivered = 0
        package var gone = 0
        package var refused = 0
        package var overflowed = 0
    }
}

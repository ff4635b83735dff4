internal import Glibc
internal import Synchronization

extension ChildProcess {
    /// All that this process started and that run still. Nothing is lost by a start of another meanwhile: it is in the next list.
    package static var running: [ChildProcess] { ChildWatcher.shared.children.filter { $0.status == nil } }

    /// Ends these: SIGTERM to each, and after `grace` SIGKILL to those that are still there, with what stayed in their groups. Blocks
    /// until they have ended, so not on a thread of tasks. For a program that is to end itself and leaves nothing behind.
    package static func end(_ children: [ChildProcess], within grace: Duration) {
        for child in children { child.terminate() }
        if wait(children, until: .now + grace) { return }
        for child in children where !child.killGroup() { child.kill() }
        _ = wait(children, until: .now + .seconds(10))
    }

    private static func wait(_ children: [ChildProcess], until end: ContinuousClock.Instant) -> Bool {
        while children.contains(where: { $0.status == nil }) {
            if ContinuousClock.now >= end { return false }
            usleep(10_000)
        }
        return true
    }
}

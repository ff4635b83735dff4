internal import CSpawn
internal import Glibc
internal import Synchronization

/// What sessions leave behind when their first process ends: processes in the background, and those that went into sessions of
/// their own. All of them are left to this process, which `Descendants.keep()` has made the one.
enum Sessions {
    /// When each of those that run began, in ticks, by the number of its first process.
    static let running = Mutex<[pid_t: UInt64]>([:])

    struct Look {
        var alive = 0
        var dead = 0
    }

    /// Waits for whatever is dead, and finds what lives of this session, to kill it if so wanted.
    static func look(for session: Session, kills: Bool) -> Look {
        var look = Look()
        look.dead = OwnChildren.reapOthers(of: Descendants.children) { pid in
            guard isLeft(pid, by: session) else { return }
            look.alive += 1
            if kills { end(pid) }
        }
        return look
    }

    /// The first process, what that started, what those started in turn, and what was left to this process.
    static func tree(of session: Session) -> Set<pid_t> {
        var line = [session.pid]
        OwnChildren.reapOthers(of: Descendants.children) { if isLeft($0, by: session) { line.append($0) } }
        var found = Set(line)
        while let pid = line.popLast() {
            for child in LaunchRecord.children(of: pid) where found.insert(child).inserted { line.append(child) }
        }
        return found
    }

    /// A process of the tree, if it still is one: its number may be another's by now.
    static func send(_ number: Int32, to pid: pid_t, of tree: Set<pid_t>) {
        let process = muster_pidfd_open(pid)
        guard process >= 0 else { return }
        defer { close(process) }
        guard let parent = LaunchRecord.parent(of: pid), parent == getpid() || tree.contains(parent) else { return }
        _ = muster_pidfd_send_signal(process, number)
    }

    /// SIGKILL to what a session that has ended left, and to what that leaves in turn, until none is alive. False: some does not end.
    static func endLeft(by session: Session) -> Bool {
        guard mayBeLeft else { return true }
        var pause: UInt32 = 100
        for _ in 0..<400 {
            let found = look(for: session, kills: true)
            // What a dead one left has come to this process meanwhile.
            if found.alive == 0 && found.dead == 0 { return true }
            if found.alive > 0 {
                usleep(pause)
                pause = min(pause * 2, 10_000)
            }
        }
        return false
    }

    /// Without a look at each, which is what every session pays for: nearly all leave nothing.
    private static var mayBeLeft: Bool {
        var found = siginfo_t()
        if waitid(P_ALL, 0, &found, WEXITED | WNOHANG | WNOWAIT) != 0, errno == ECHILD { return false }
        return Descendants.leftChildren().contains { !OwnChildren.contains($0) }
    }

    /// A process that is this one's child, and lives.
    private static func end(_ pid: pid_t) {
        let group = getpgid(pid)
        if group > 1, group != getpgrp() { kill(-group, SIGKILL) }
        kill(pid, SIGKILL)
    }

    /// By its session, then by the mark; of what has neither any more, if no session that runs can have started it.
    private static func isLeft(_ pid: pid_t, by session: Session) -> Bool {
        let number = getsid(pid)
        if number == session.pid { return true }
        let others = running.withLock { $0.filter { $0.key != session.pid } }
        if others[number] != nil { return false }
        let variables = LaunchRecord.read("/proc/\(pid)/environ")?.split(separator: 0) ?? []
        let name = session.mark.prefix { $0 != UInt8(ascii: "=") } + [UInt8(ascii: "=")]
        if let mark = variables.first(where: { $0.starts(with: name) }) { return mark.elementsEqual(session.mark) }
        guard let began = LaunchRecord.began(of: pid) else { return false }
        return !others.values.contains { $0 <= began }
    }
}

internal import Glibc
internal import MusterSystem

/// Which process runs under a name: its number, and when it began, since numbers are given out again.
struct LaunchRecord: Hashable {
    /// The variable by which a process can be told to be its fleet's.
    static let labelName = "MUSTER_LAUNCHED"
    let pid: pid_t
    /// In ticks since the machine's start: field 22 of /proc/PID/stat, proc(5).
    let began: UInt64

    /// Nil when there is no such process.
    init?(pid: pid_t) {
        guard let began = Self.began(of: pid) else { return nil }
        self.pid = pid
        self.began = began
    }

    /// Nil for a file that is not there or says nothing sensible.
    init?(path: String) {
        guard let parts = Self.read(path).map({ String(decoding: $0, as: UTF8.self).split(separator: " ") }),
            parts.count == 2, let pid = pid_t(parts[0]), pid > 1, let began = UInt64(parts[1])
        else { return nil }
        self.pid = pid
        self.began = began
    }

    @discardableResult func write(to path: String) -> Bool {
        guard let file = fopen(path + ".new", "we") else { return false }
        fputs("\(pid) \(began)", file)
        return fclose(file) == 0 && rename(path + ".new", path) == 0
    }

    /// Whether that very process still runs, and carries this label.
    func isAlive(label: String) -> Bool { variables.map { Self.has("\(Self.labelName)=\(label)", in: $0) } ?? false }

    /// An empty value: it has no such variable, or an empty one.
    func carries(_ environment: [String: String]) -> Bool {
        guard let variables else { return false }
        let texts = variables.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
        return LaunchSpec.isTold(environment, by: texts)
    }

    private static func has(_ variable: String, in variables: [UInt8]) -> Bool {
        variables.split(separator: 0).contains { $0.elementsEqual(variable.utf8) }
    }

    /// Of that very process; nil when it is gone. For a moment around its start they are empty to look at.
    private var variables: [UInt8]? {
        var found: [UInt8]?
        for _ in 0..<50 {
            guard Self.began(of: pid) == began else { return nil }
            found = Self.read("/proc/\(pid)/environ")
            if found?.isEmpty != true { break }
            usleep(1_000)
        }
        return found
    }

    static func began(of pid: pid_t) -> UInt64? { field(19, of: pid).flatMap { UInt64($0) } }

    /// Whether it has a terminal that controls it.
    static func hasTerminal(_ pid: pid_t) -> Bool { field(4, of: pid).map { $0 != "0" } ?? false }

    /// Of /proc/PID/stat behind the name, which may hold anything: 0 is the state. Nil for one that is gone, or a zombie.
    private static func field(_ number: Int, of pid: pid_t) -> String? {
        guard let text = read("/proc/\(pid)/stat"), let end = text.lastIndex(of: UInt8(ascii: ")")) else { return nil }
        let fields = text[(end + 1)...].split(separator: UInt8(ascii: " "))
        guard fields.count > 19, fields[0].first != UInt8(ascii: "Z") else { return nil }
        return String(decoding: fields[number], as: UTF8.self)
    }

    /// Of whom it is a child now.
    static func parent(of pid: pid_t) -> pid_t? { field(1, of: pid).flatMap { pid_t($0) } }

    /// Of all its threads, the dead that it has not waited for among them.
    static func children(of pid: pid_t) -> [pid_t] {
        listDirectory("/proc/\(pid)/task").flatMap { children(ofThread: "/proc/\(pid)/task/\($0)") }
    }

    /// `thread` is its folder in /proc. A list that is read while one of it ends may lack others (proc(5)): what two readings agree on
    /// counts, of five at most. An empty one lacks none.
    static func children(ofThread thread: String) -> [pid_t] {
        var before: [pid_t] = []
        for _ in 0..<5 {
            guard let text = read(thread + "/children"), !text.isEmpty else { return [] }
            let now = String(decoding: text, as: UTF8.self).split(separator: " ").compactMap { pid_t($0) }
            if now == before { break }
            before = now
        }
        return before
    }

    static func read(_ path: String, bytesMax: Int = 1 << 20) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var room = [UInt8](repeating: 0, count: 16 << 10)
        while bytes.count < bytesMax {
            let count = Glibc.read(descriptor, &room, room.count)
            if count == 0 { return bytes }
            guard count > 0 else { return nil }
            bytes += room[..<count]
        }
        return bytes
    }
}

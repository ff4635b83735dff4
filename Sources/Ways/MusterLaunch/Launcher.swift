/// What a coordinator wants to have running: this same program in another role.
package struct LaunchSpec: Hashable, Sendable {
    /// Unique among what the fleet has running: `worker-3`, `child-17`. Letters, digits and hyphens.
    package var name: String
    /// Those after the program's name.
    package var arguments: [String]
    /// Variables on top of those that the launcher sets; all `MUSTER_…` variables of the coordinator are left out.
    package var environment: [String: String]
    /// A process's standard output is this one's own; else it goes to the file of its log.
    package var sharesOutput = false

    package init(name: String, arguments: [String], environment: [String: String]) {
        self.name = name
        self.arguments = arguments
        self.environment = environment
    }

    /// Whether these variables, `NAME=VALUE` each, say so; an empty value is one that is not there.
    package static func isTold(_ environment: [String: String], by variables: [String]) -> Bool {
        environment.allSatisfy { name, value in
            value.isEmpty
                ? !variables.contains { $0.hasPrefix(name + "=") && $0 != name + "=" }
                : variables.contains("\(name)=\(value)")
        }
    }
}

/// The end of something launched.
package struct LaunchExit: Hashable, Sendable {
    package let name: String
    /// For people: `exit code 1`, `signal 9`. Empty where nobody can tell any more.
    package let reason: String

    package init(name: String, reason: String) { (self.name, self.reason) = (name, reason) }
}

/// How a fleet's workers and children are started, watched and stopped. Everything launched carries the fleet's label: what a
/// coordinator launched before its own restart is found again, and nothing else is ever touched.
package protocol Launcher: Sendable {
    /// Starts what is not running under that name yet. Throws `LaunchError`, which says whether trying again may help.
    func launch(_ spec: LaunchSpec) async throws(LaunchError)
    /// The names of what runs, whoever of this fleet's coordinators launched it. From then on their ends are told too. What was
    /// launched with another value of one of these variables (an empty one: with one) is of no use any more, and is stopped.
    func adopt(expecting environment: [String: String]) async throws(LaunchError) -> [String]
    /// SIGTERM, and SIGKILL where that does not help in time. Returns at once; the end is told as any other.
    func stop(_ name: String, grace: Duration)
    /// SIGKILL to all, at once: for the end of this process.
    func killAll()
    /// Why something of that name could not be launched now, as far as is known without asking anybody. Nil: nothing is known.
    func defect(of name: String) -> LaunchError?
    /// Told once for each end; those from before it was set are told at once.
    func onExit(_ handler: @escaping @Sendable (LaunchExit) -> Void)
    /// Told the name of what turned out to run already after `adopt`, which could not see it; those from before it was set are told at once.
    func onFind(_ handler: @escaping @Sendable (String) -> Void)
}

extension Launcher {
    package func onFind(_ handler: @escaping @Sendable (String) -> Void) {}
    package func defect(of name: String) -> LaunchError? { nil }
}

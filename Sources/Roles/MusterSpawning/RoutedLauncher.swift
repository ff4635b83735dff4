internal import MusterLaunch
internal import MusterLog

/// Several launchers as one: what a name begins with decides which of them has it.
struct RoutedLauncher: Launcher {
    /// Looked at in order.
    let routes: [(prefix: String, launcher: any Launcher)]
    /// For all other names.
    let usual: any Launcher

    private func launcher(of name: String) -> any Launcher {
        routes.first { name.hasPrefix($0.prefix) }?.launcher ?? usual
    }

    private var all: [any Launcher] { routes.map(\.launcher) + [usual] }

    func launch(_ spec: LaunchSpec) async throws(LaunchError) { try await launcher(of: spec.name).launch(spec) }

    /// What one of them cannot say keeps nobody from hearing of the others'.
    func adopt(expecting environment: [String: String]) async throws(LaunchError) -> [String] {
        var names: Set<String> = []
        for launcher in all {
            do throws(LaunchError) {
                names.formUnion(try await launcher.adopt(expecting: environment))
            } catch {
                if !environment.isEmpty {
                    Log.error("cannot look for what is running already", ["reason": error.message])
                }
            }
        }
        return names.sorted()
    }

    func stop(_ name: String, grace: Duration) { launcher(of: name).stop(name, grace: grace) }

    func defect(of name: String) -> LaunchError? { launcher(of: name).defect(of: name) }

    func killAll() { for launcher in all { launcher.killAll() } }

    func onExit(_ handler: @escaping @Sendable (LaunchExit) -> Void) {
        for launcher in all { launcher.onExit(handler) }
    }

    func onFind(_ handler: @escaping @Sendable (String) -> Void) {
        for launcher in all { launcher.onFind(handler) }
    }
}

/// Tells by a member's incarnation what it was launched as, where a coordinator launched it: names can be others'.
///
///     launched.worker-3.5f0c…
package enum LaunchMark {
    /// The variable that tells a launched process.
    package static let variable = "MUSTER_LAUNCHED_AS"
    private static let beginning = "launched."

    /// `random` is what nobody else knows. `launch` is without dots; nil: nobody launched it.
    package static func incarnation(of launch: String?, _ random: String) -> String {
        launch.map { "\(beginning)\($0).\(random)" } ?? random
    }

    static func launch(in incarnation: String) -> String? {
        guard incarnation.hasPrefix(beginning) else { return nil }
        let parts = incarnation.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 3 && !parts[1].isEmpty ? String(parts[1]) : nil
    }
}

extension MemberRecord {
    /// What a coordinator launched it as; nil: it did not. Volunteers can say what they like.
    package var launchedAs: String? { isVolunteer ? nil : LaunchMark.launch(in: incarnation) }
}

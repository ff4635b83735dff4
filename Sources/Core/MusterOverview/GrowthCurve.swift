/// How two counts grew since the start, in few points: where there are too many, every other one goes, and those that follow lie twice
/// as far apart.
package struct GrowthCurve: Sendable {
    package struct Point: Hashable, Sendable {
        /// Seconds since 1970.
        package var time: Double
        package var unique: Int
        package var recorded: Int

        package init(time: Double, unique: Int, recorded: Int) {
            (self.time, self.unique, self.recorded) = (time, unique, recorded)
        }
    }

    package static let pointsMax = 240

    package private(set) var points: [Point] = []
    /// Seconds between two points.
    private var gap = 1.0

    package init() {}

    package mutating func add(_ point: Point) {
        if let last = points.last {
            // A clock that was set back begins anew.
            if point.time < last.time { points.removeAll() } else if point.time - last.time < gap { return }
        }
        points.append(point)
        guard points.count > Self.pointsMax else { return }
        points = points.enumerated().filter { $0.offset % 2 == 0 }.map(\.element)
        gap *= 2
    }
}

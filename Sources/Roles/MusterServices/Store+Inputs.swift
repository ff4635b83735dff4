package import MusterCore
package import MusterScheduling
package import MusterStore

extension Store {
    /// The inputs of a lease's tasks, one a line.
    package func inputs(of key: LeaseKey) async throws -> LineColumn {
        LineColumn(lines: try await inputs(of: key.job, key.tasks))
    }
}

internal import MusterBackups
package import MusterCore
package import MusterHTTP
package import MusterJoining
package import MusterMembership
package import MusterPostgres
package import MusterRole
package import MusterScheduling
package import MusterSpawning

/// How one coordinator is set up; from the flags of `muster coordinator`.
package struct CoordinatorConfiguration: Sendable {
    /// Its own folder: database, lock, tokens. Created 0700.
    package var dataDirectory: String
    package var server: HTTPServer.Configuration
    /// From `--token`; nil makes one at first start and keeps it.
    package var adminToken: String?
    /// From `--read-token-file`; nil makes one at first start and keeps it.
    package var readToken: String?
    /// From `--callback-networks`; nil: the private networks of this machine's own interfaces.
    package var callbackNetworks: CallbackNetworks?
    package var scheduler = Scheduler.Settings()
    package var membership = Membership.Settings()
    /// How long a render waits for a worker that is there and free. From `--wait-seconds`.
    package var renderWait = renderWaitDefault
    package static let renderWaitDefault: Duration = .seconds(10)
    /// A machine that was not seen for so many days is unproven when it comes back. From `--forget-days`.
    package var forgetDays = forgetDaysDefault
    package static let forgetDaysDefault = 90
    /// Jobs that ended longer ago are forgotten; nil: none. From `--keep-days`.
    package var keepDays: Int?
    /// Where others are there and none of them confirms a volunteer's results for so long, be they busy or idle, the
    /// coordinator computes them again itself.
    package var refereePatience: Duration = .seconds(5)
    package var access = AccessSettings()
    package var spawning: SpawnConfiguration
    package var version: String
    /// From `--volunteers`; nil lets none in by the installer.
    package var volunteers: VolunteerSettings?
    /// Packs what other machines run; this process's own program, unless it is another's part.
    package var writeProgram: ProgramWriter = { try OwnArchive.write(to: $0, version: $1) }

    package init(dataDirectory: String, server: HTTPServer.Configuration, adminToken: String?, version: String) {
        self.dataDirectory = dataDirectory
        self.server = server
        self.adminToken = adminToken
        self.version = version
        spawning = SpawnConfiguration(directory: dataDirectory + "/launched")
    }

    /// From `--store`; nil is `muster.sqlite` in the data directory.
    package var store: StorePlace?
    var storePlace: StorePlace { store ?? .sqlite(path: dataDirectory + "/" + Backup.databaseName) }
}

internal import MusterClient
package import MusterCommandLine
internal import MusterRoleCommands
internal import MusterSystem

/// The program's command line, whole.
package enum MusterCommand {
    package static let table = CommandTable(
        program: "muster", version: MusterVersion.current, build: BuildStamp.description,
        summary: "turns machines into one ranked fleet, gives it work, and keeps every result.",
        commands: [
            UpCommand.command, StatusCommand.command, CoordinatorCommand.command, WorkerCommand.command,
            OriginCommand.command,
            EdgeCommand.command,
            ImageCommand.command, RenderCommand.command,
            RunCommand.command, AttachCommand.command, LogsCommand.command,
            SubmitCommand.command, AssignCommand.command, JobsCommand.command,
            JobCommand.command, ResultsCommand.command, CancelCommand.command, RetryCommand.command,
            ForgetCommand.command,
            WorkersCommand.command,
            DrainCommand.command,
            JoinCommand.command, TokensCommand.command, SignInCommand.command, OpenCommand.command,
            PurgeCommand.command, BackupCommand.command,
            RestoreCommand.command, StoreCommand.command,
            ServersCommand.command, CreateChildCommand.command, ChildrenCommand.command, ChildCommand.command,
            ProgressCommand.command, ScaleCommand.command, ClientCommand.command, RanksCommand.command,
            SendCommand.command,
            EventsCommand.command, HealthCommand.command, NoticesCommand.command, CompletionCommand.command,
            ManualCommand.command,
        ])
}

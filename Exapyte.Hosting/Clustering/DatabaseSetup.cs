namespace Exapyte.Hosting.Clustering;

/// <summary>Applies the scripts before anything of the silo reads the database, unless its host has done so.</summary>
internal sealed class DatabaseSetup(ClusterDatabase database, bool isAlone) : ILifecycleParticipant<ISiloLifecycle>
{
    public void Participate(ISiloLifecycle lifecycle) =>
        lifecycle.Subscribe(nameof(DatabaseSetup), ServiceLifecycleStage.First, SetUpAsync);

    private Task SetUpAsync(CancellationToken cancellationToken) =>
        database.IsSetUp ? Task.CompletedTask : Scripts.ApplyAsync(database, isAlone, cancellationToken);
}

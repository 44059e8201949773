"""The forge that holds the merge request: GitLab, Gitea and Forgejo, or GitHub."""

from poscloud.forge.environment import from_environment, merge_request_id, project_of
from poscloud.forge.interface import Comment, Forge, MergeRequest

__all__ = ["Comment", "Forge", "MergeRequest", "from_environment", "merge_request_id", "project_of"]

"""Legal staff draft and approve versions of the packs of the law, which go live at their date."""
